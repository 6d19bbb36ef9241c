using System.Text;
using Gpt2Cluster.Data.Models.TensorBundle;

namespace Gpt2Cluster.Data.Tests.Models.TensorFlow;

/// <summary>
/// A reader of TensorFlow's checkpoints of the tests' own: the uncompressed table of LevelDB, the few fields of the
/// messages in it, all checksums compared.
/// </summary>
internal sealed class BundleFile
{
    private readonly byte[] index;

    public BundleFile(string prefix)
    {
        index = File.ReadAllBytes(prefix + ".index");
        Data = File.ReadAllBytes(prefix + ".data-00000-of-00001");
        Assert.Equal(0xdb4775248b80fb57, BitConverter.ToUInt64(index, index.Length - 8));
        var position = index.Length - 48;
        Varint(index, ref position);
        Varint(index, ref position);
        foreach (var (_, handle) in Block(Handle(index, position)))
        {
            foreach (var (key, value) in Block(Handle(handle, 0)))
                Entries.Add(key, value);
        }
    }

    public byte[] Data { get; }

    public Dictionary<string, byte[]> Entries { get; } = [];

    public IEnumerable<string> Variables => Entries.Keys.Where(key => key.Length > 0);

    /// <summary>Dimensions, place, length and checksum of a variable, which must be fp32.</summary>
    public (ulong[] Dimensions, int Start, int Length) Variable(string name)
    {
        var fields = Fields(Entries[name]);
        Assert.Equal(1UL, fields.Single(field => field.Number == 1).Value);
        var dimensions = Fields(fields.Single(field => field.Number == 2).Inner)
            .Select(dimension => Fields(dimension.Inner).Single().Value)
            .ToArray();
        var start = (int)fields.FirstOrDefault(field => field.Number == 4).Value;
        var length = (int)fields.Single(field => field.Number == 5).Value;
        var checksum = Crc32C.Masked(Data.AsSpan(start, length));
        Assert.Equal(checksum, fields.Single(field => field.Number == 6).Value);
        return (dimensions, start, length);
    }

    public float[] Read(string name)
    {
        var (_, start, length) = Variable(name);
        var values = new float[length / 4];
        Buffer.BlockCopy(Data, start, values, 0, length);
        return values;
    }

    private static (int Start, int Length) Handle(byte[] bytes, int position)
    {
        var start = Varint(bytes, ref position);
        return ((int)start, (int)Varint(bytes, ref position));
    }

    private List<(string Key, byte[] Value)> Block((int Start, int Length) place)
    {
        Assert.Equal(0, index[place.Start + place.Length]);
        var checksum = Crc32C.Masked(index.AsSpan(place.Start, place.Length + 1));
        Assert.Equal(checksum, BitConverter.ToUInt32(index, place.Start + place.Length + 1));
        var restarts = BitConverter.ToInt32(index, place.Start + place.Length - 4);
        var end = place.Start + place.Length - (4 * (restarts + 1));
        var entries = new List<(string Key, byte[] Value)>();
        byte[] key = [];
        for (var position = place.Start; position < end;)
        {
            var shared = (int)Varint(index, ref position);
            var (rest, length) = ((int)Varint(index, ref position), (int)Varint(index, ref position));
            key = [.. key[..shared], .. index[position..(position + rest)]];
            position += rest;
            entries.Add((Encoding.UTF8.GetString(key), index[position..(position + length)]));
            position += length;
        }

        return entries;
    }

    private static List<(int Number, ulong Value, byte[] Inner)> Fields(byte[] message)
    {
        var fields = new List<(int Number, ulong Value, byte[] Inner)>();
        for (var position = 0; position < message.Length;)
        {
            var tag = (int)Varint(message, ref position);
            switch (tag & 7)
            {
                case 0:
                    fields.Add((tag >> 3, Varint(message, ref position), []));
                    break;
                case 2:
                    var length = (int)Varint(message, ref position);
                    fields.Add((tag >> 3, 0, message[position..(position + length)]));
                    position += length;
                    break;
                default:
                    Assert.Equal(5, tag & 7);
                    fields.Add((tag >> 3, BitConverter.ToUInt32(message, position), []));
                    position += 4;
                    break;
            }
        }

        return fields;
    }

    private static ulong Varint(byte[] bytes, ref int position)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var one = bytes[position++];
            value |= (ulong)(one & 0x7f) << shift;
            if (one < 0x80)
                return value;
        }
    }
}

using System.Text;

namespace Gpt2Cluster.Data.Tests.Models.Gguf;

/// <summary>
/// A reader of GGUF files of the tests' own, from the format's description: keys, and tensors as fp32.
/// </summary>
internal sealed class GgufFile
{
    private readonly Dictionary<string, (ulong[] Dimensions, uint Type, ulong Offset)> tensors = [];
    private readonly byte[] bytes;
    private readonly long dataStart;

    public GgufFile(string path)
    {
        bytes = File.ReadAllBytes(path);
        using var reader = new BinaryReader(new MemoryStream(bytes));
        Assert.Equal("GGUF", Encoding.ASCII.GetString(reader.ReadBytes(4)));
        Assert.Equal(3u, reader.ReadUInt32());
        var (tensorCount, keyCount) = (reader.ReadUInt64(), reader.ReadUInt64());
        for (var key = 0UL; key < keyCount; key++)
            Keys.Add(Text(reader), Value(reader, reader.ReadUInt32()));
        for (var tensor = 0UL; tensor < tensorCount; tensor++)
        {
            var name = Text(reader);
            var dimensions = new ulong[reader.ReadUInt32()];
            for (var dimension = 0; dimension < dimensions.Length; dimension++)
                dimensions[dimension] = reader.ReadUInt64();
            tensors.Add(name, (dimensions, reader.ReadUInt32(), reader.ReadUInt64()));
        }

        dataStart = (reader.BaseStream.Position + 31) / 32 * 32;
        Assert.All(tensors.Values, tensor => Assert.Equal(0UL, tensor.Offset % 32));
    }

    public Dictionary<string, object> Keys { get; } = [];

    public IEnumerable<string> Names => tensors.Keys;

    public T Key<T>(string name) => Assert.IsType<T>(Keys[name]);

    public ulong[] Dimensions(string name) => tensors[name].Dimensions;

    public uint Type(string name) => tensors[name].Type;

    public float[] Read(string name)
    {
        var (dimensions, type, offset) = tensors[name];
        var values = new float[dimensions.Aggregate(1UL, (product, dimension) => product * dimension)];
        var data = bytes.AsSpan((int)(dataStart + (long)offset));
        for (var index = 0; index < values.Length; index++)
        {
            values[index] = type switch
            {
                0 => BitConverter.ToSingle(data[(index * 4)..]),
                1 => (float)BitConverter.ToHalf(data[(index * 2)..]),
                30 => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(data[(index * 2)..]) << 16),
                8 => (float)BitConverter.ToHalf(data[(index / 32 * 34)..])
                    * (sbyte)data[(index / 32 * 34) + 2 + (index % 32)],
                _ => throw new InvalidDataException($"{name} has the type {type}"),
            };
        }

        return values;
    }

    private static string Text(BinaryReader reader) =>
        Encoding.UTF8.GetString(reader.ReadBytes((int)reader.ReadUInt64()));

    private static object Value(BinaryReader reader, uint type)
    {
        switch (type)
        {
            case 4:
                return reader.ReadUInt32();
            case 5:
                return reader.ReadInt32();
            case 6:
                return reader.ReadSingle();
            case 7:
                return reader.ReadByte() == 1;
            case 8:
                return Text(reader);
            case 9:
                var inner = reader.ReadUInt32();
                var values = new object[reader.ReadUInt64()];
                for (var index = 0; index < values.Length; index++)
                    values[index] = Value(reader, inner);
                return values;
            default:
                throw new InvalidDataException($"a key of type {type}");
        }
    }
}

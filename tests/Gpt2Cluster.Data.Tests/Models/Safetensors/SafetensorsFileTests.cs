using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using CsCheck;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Models.Safetensors;

namespace Gpt2Cluster.Data.Tests.Models.Safetensors;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Reads_what_another_program_wrote()
    {
        using var file = SafetensorsFile.Open(Golden.Path("numerics/model.safetensors"));
        var scale = file.Find("ln_f.weight")!;
        Assert.Equal([32], scale.Dimensions);
        var values = new float[32];
        file.ReadRange("ln_f.weight", 0, values);
        Assert.All(values, value => Assert.InRange(value, 0.5f, 1.5f));
    }

    [Fact]
    public void Reads_what_it_wrote_in_any_range() =>
        Gen.Select(Gen.Float.Array[0, 50], Gen.Float.Array[1, 50], Gen.Int[0, 49], Gen.Int[0, 49]).Sample(
            (first, second, from, to) =>
            {
                var path = folder.File("round.safetensors");
                using (var output = File.Create(path))
                {
                    var writer = new SafetensorsWriter(output, [("a\"ü", [first.Length]), ("b", [1, second.Length])]);
                    writer.Write([.. first, .. second]);
                    writer.Complete();
                }

                using var file = SafetensorsFile.Open(path);
                Assert.Equal(first, Read(file, "a\"ü", 0, first.Length));
                var (start, end) = (Math.Min(from, to) % second.Length, Math.Max(from, to) % second.Length + 1);
                if (start < end)
                    Assert.Equal(second[start..end], Read(file, "b", start, end - start));
            },
            iter: 300,
            threads: 1);

    [Fact]
    public void Widens_halves()
    {
        var smallestBrain = BitConverter.UInt32BitsToSingle(0x10000);
        ushort[] halves = [0x3C00, 0xC000, 0x7C00, 0x0001];
        var path = Write("{\"h\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]}}", halves);
        using (var file = SafetensorsFile.Open(path))
            Assert.Equal([1f, -2f, float.PositiveInfinity, 5.9604645e-8f], Read(file, "h", 0, 4));

        ushort[] brains = [0x3F80, 0xC000, 0x7F80, 0x0001];
        path = Write("{\"h\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8]}}", brains);
        using (var file = SafetensorsFile.Open(path))
            Assert.Equal([1f, -2f, float.PositiveInfinity, smallestBrain], Read(file, "h", 0, 4));
    }

    [Theory]
    [InlineData("{", "not valid JSON")]
    [InlineData("[]", "the header is not")]
    [InlineData("{\"a\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]}} {}", "not valid JSON")]
    [InlineData("{\"a\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]},\"a\":{}}", "a twice")]
    [InlineData("{\"a\":{\"dtype\":\"F99\",\"shape\":[4],\"data_offsets\":[0,8]}}", "unknown type F99")]
    [InlineData("{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,8]}}", "needs 16 bytes")]
    [InlineData("{\"a\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[8,0]}}", "needs 8 bytes")]
    [InlineData("{\"a\":{\"dtype\":\"F16\",\"shape\":[8],\"data_offsets\":[0,16]}}", "cut short")]
    [InlineData("{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}", "follow the last tensor")]
    [InlineData("{\"a\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[2,8]}}", "begins at byte 2")]
    [InlineData("{\"a\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[0,6]},"
        + "\"b\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[4,8]}}", "begins at byte 4")]
    [InlineData("{\"a\":{\"dtype\":\"F16\",\"shape\":[-4],\"data_offsets\":[0,8]}}", "whole numbers")]
    [InlineData("{\"a\":{\"dtype\":\"F16\",\"shape\":[1.5],\"data_offsets\":[0,8]}}", "whole numbers")]
    [InlineData("{\"a\":{\"dtype\":\"F16\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]}}", "too large")]
    [InlineData("{\"a\":{\"dtype\":\"F16\",\"shape\":[4]}}", "lacks")]
    [InlineData("{\"a\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8],\"x\":1}}", "field x")]
    [InlineData("{\"__metadata__\":{\"a\":1}}", "__metadata__")]
    public void A_wrong_header_is_refused(string header, string expected)
    {
        var path = Write(header, new ushort[4]);
        var message = Assert.Throws<UserErrorException>(() => SafetensorsFile.Open(path)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains(path, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(100_000_001ul)]
    [InlineData(1_000ul)]
    public void A_header_size_beyond_the_file_is_refused_before_anything_is_allocated(ulong size)
    {
        var bytes = new byte[64];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, size);
        var path = folder.Write("size.safetensors", bytes);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<UserErrorException>(() => SafetensorsFile.Open(path));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20, "a claimed size was allocated");
    }

    private static float[] Read(SafetensorsFile file, string name, long start, int count)
    {
        var values = new float[count];
        file.ReadRange(name, start, values);
        return values;
    }

    private string Write(string header, ushort[] data)
    {
        var size = new byte[8];
        var json = Encoding.UTF8.GetBytes(header);
        BinaryPrimitives.WriteUInt64LittleEndian(size, (ulong)json.Length);
        return folder.Write("made.safetensors", [.. size, .. json, .. MemoryMarshal.AsBytes(data.AsSpan())]);
    }
}

using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.Safetensors;
using Gpt2Cluster.Data.Models.TensorBundle;

namespace Gpt2Cluster.Data.Tests.Models.TensorBundle;

public sealed class BundleWeightsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>The value of RFC 3720, appendix B.4, for 32 bytes of zeros.</summary>
    [Fact]
    public void The_checksum_is_that_of_the_standard()
    {
        Assert.Equal(0x8A9136AAu, Crc32C.Append(0, new byte[32]));
        Assert.Equal(0x46DD794Eu, Crc32C.Append(0, [.. Enumerable.Range(0, 32).Select(value => (byte)value)]));
        Assert.Equal(0xE3069283u, Crc32C.Append(Crc32C.Append(0, "1234"u8), "56789"u8));
        Assert.Equal(0xE3069283u, Crc32C.Append(0, "123456789"u8));
    }

    /// <summary>Files that TensorFlow wrote, two of them with packed blocks.</summary>
    [Theory]
    [InlineData("saved_model_half_plus_two_cpu")]
    [InlineData("saved_model_half_plus_two_mkl")]
    [InlineData("saved_model_half_plus_two_tf2_cpu")]
    [InlineData("tf_text_regression")]
    public void Reads_what_TensorFlow_wrote(string name)
    {
        using var weights = BundleWeights.Open(Golden.Path("tensor-bundle/" + name));
        var expected = Golden.Json("tensor-bundle/expected.json").GetProperty(name);
        Assert.Equal(
            expected.EnumerateObject().Select(property => property.Name).Order(StringComparer.Ordinal),
            weights.Tensors.Select(tensor => tensor.Name));
        foreach (var property in expected.EnumerateObject())
        {
            var tensor = weights.Find(property.Name)!;
            Assert.Equal(
                property.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()),
                tensor.Dimensions);
            Assert.Equal(property.Value.GetProperty("dtype").GetInt32() == 1, tensor.IsReadable);
            if (tensor.IsReadable)
            {
                Assert.Equal(
                    property.Value.GetProperty("values").EnumerateArray().Select(value => value.GetSingle()),
                    Values(weights, tensor));
            }
        }
    }

    [Fact]
    public void OpenAis_layout_has_the_same_tensors_as_the_safetensors()
    {
        using var weights = BundleWeights.Open(Golden.Path("openai-layout/model.ckpt"));
        using var expected = SafetensorsFile.Open(Golden.Path("numerics/model.safetensors"));
        Assert.Equal(expected.Tensors.Count, weights.Tensors.Count);
        var position = new float[64 * 32];
        expected.ReadRange("wpe.weight", 0, position);
        Assert.Equal(position, Values(weights, weights.Find("model/wpe")!));
        var part = new float[5];
        weights.ReadRange("model/wpe", 100, part);
        Assert.Equal(position[100..105], part);
        Assert.Throws<ArgumentException>(() => weights.ReadRange("model/wpe", 64 * 32 - 4, part));
        Assert.Throws<ArgumentException>(() => weights.ReadRange("model/none", 0, part));
    }

    [Fact]
    public void A_changed_element_is_found_by_its_checksum()
    {
        var prefix = Copy("openai-layout", "model.ckpt");
        var data = File.ReadAllBytes(prefix + ".data-00000-of-00001");
        data[^1] ^= 1;
        File.WriteAllBytes(prefix + ".data-00000-of-00001", data);
        using var weights = BundleWeights.Open(prefix);
        Assert.Contains("checksum of model/wte", Fault(() => Values(weights, weights.Find("model/wte")!)));
        _ = Values(weights, weights.Find("model/wpe")!);
    }

    [Fact]
    public void A_data_file_that_is_cut_or_missing_is_named()
    {
        var prefix = Copy("openai-layout", "model.ckpt");
        var path = prefix + ".data-00000-of-00001";
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^1]);
        Assert.Contains("ends at byte 175616", Fault(() => BundleWeights.Open(prefix)));
        File.Delete(path);
        Assert.Contains(path, Fault(() => BundleWeights.Open(prefix)));
        File.Delete(prefix + ".index");
        Assert.Contains(prefix + ".index", Fault(() => BundleWeights.Open(prefix)));
    }

    [Fact]
    public void Halves_are_widened_and_other_types_are_not_read()
    {
        File.WriteAllBytes(folder.File("m.data-00000-of-00001"), [0, 0x3c, 0x80, 0x3f, 1, 0, 0, 0]);
        File.WriteAllBytes(folder.File("m.index"), BundleFiles.Table(
        [
            ("", [0x08, 1]), ("b", BundleFiles.Entry(14, [1], 2, [0x80, 0x3f])),
            ("h", BundleFiles.Entry(19, [1, 1], 0, [0, 0x3c])), ("i", BundleFiles.Entry(3, [], 4, [1, 0, 0, 0])),
        ]));
        using var weights = BundleWeights.Open(folder.File("m"));
        Assert.Equal([1f], Values(weights, weights.Find("b")!));
        Assert.Equal([1f], Values(weights, weights.Find("h")!));
        Assert.Equal(("DT_INT32", false), (weights.Find("i")!.DataType, weights.Find("i")!.IsReadable));
        Assert.Throws<ArgumentException>(() => weights.ReadRange("i", 0, new float[1]));
    }

    [Fact]
    public void A_packed_block_that_claims_gigabytes_is_refused_before_they_are_allocated()
    {
        byte[] bomb = [0xff, 0xff, 0xff, 0xff, 0x07, 0, 0, 1, 0, 0, 0, 0];
        BitConverter.TryWriteBytes(bomb.AsSpan(8), Crc32C.Masked(bomb.AsSpan(0, 8)));
        byte[] table =
            [.. bomb, 0, 0, 0, 7, .. new byte[36], .. BitConverter.GetBytes(0xdb4775248b80fb57)];
        var before = GC.GetAllocatedBytesForCurrentThread();
        var message = Assert.Throws<InvalidDataException>(() => SortedTable.Read(table)).Message;
        Assert.Contains("claims 2147483647 bytes", message);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20, "a claimed size was allocated");
    }

    [Fact]
    public void Keys_that_share_their_beginnings_cannot_fill_the_memory()
    {
        // Every entry costs seven bytes here and a key of 503 in memory.
        byte[] first = [0, 0xf4, 3, 0, .. Enumerable.Repeat((byte)'a', 500)];
        var more = Enumerable.Range(0, 100_000).SelectMany(
            i => (byte[])[0xf4, 3, 3, 0, (byte)(i >> 14), (byte)(i >> 7 & 0x7f), (byte)(i & 0x7f)]);
        byte[] block = [.. first, .. more, 0, 0, 0, 0];
        byte[] signed = [.. block, 0, .. BitConverter.GetBytes(Crc32C.Masked([.. block, 0]))];
        byte[] index = [0, 1, 4, (byte)'~', 0, .. Varint3(block.Length), 0, 0, 0, 0];
        byte[] table =
        [
            .. signed, .. index, 0, .. BitConverter.GetBytes(Crc32C.Masked([.. index, 0])), 0, 0,
            .. Varint3(signed.Length), (byte)index.Length, .. new byte[34],
            .. BitConverter.GetBytes(0xdb4775248b80fb57),
        ];
        var message = Assert.Throws<InvalidDataException>(() => SortedTable.Read(table)).Message;
        Assert.Contains("more than 100000 entries", message);

        static byte[] Varint3(int value) => [(byte)(value | 0x80), (byte)((value >> 7) | 0x80), (byte)(value >> 14)];
    }

    private static float[] Values(BundleWeights weights, WeightTensor tensor)
    {
        var values = new float[tensor.Length];
        weights.ReadRange(tensor.Name, 0, values);
        return values;
    }

    private static string Fault(Func<object> act) => Assert.Throws<UserErrorException>(act).Message;

    private string Copy(string golden, string name)
    {
        foreach (var path in Directory.GetFiles(Golden.Path(golden)))
            File.Copy(path, folder.File(Path.GetFileName(path)));
        return folder.File(name);
    }
}

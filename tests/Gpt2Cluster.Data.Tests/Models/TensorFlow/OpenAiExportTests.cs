using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.TensorFlow;
using Gpt2Cluster.Data.Tests.Models.Exports;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Models.TensorFlow;

public sealed class OpenAiExportTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_checksum_is_Castagnolis()
    {
        // RFC 3720, appendix B.4.
        Assert.Equal(0x8a9136aau, TableWriter.Crc32C(new byte[32]));
        Assert.Equal(0x46dd794eu, TableWriter.Crc32C([.. Enumerable.Range(0, 32).Select(value => (byte)value)]));
        Assert.Equal(0xe3069283u, TableWriter.Crc32C("6789"u8, TableWriter.Crc32C("12345"u8)));
    }

    [Fact]
    public void The_golden_weights_leave_as_the_golden_checkpoint_variable_for_variable()
    {
        Write(Exported.Golden());
        var golden = new BundleFile(Golden.Path("openai-layout/model.ckpt"));
        var ours = new BundleFile(folder.File("out/model.ckpt"));
        Assert.Equal(golden.Variables.Order(StringComparer.Ordinal), ours.Variables);
        foreach (var name in golden.Variables)
        {
            Assert.Equal(golden.Variable(name).Dimensions, ours.Variable(name).Dimensions);
            Assert.Equal(golden.Read(name), ours.Read(name));
        }

        Assert.Equal(golden.Entries[""], ours.Entries[""]);
        Assert.Equal(golden.Data.Length, ours.Data.Length);
        foreach (var name in new[] { "checkpoint", "hparams.json" })
        {
            Assert.Equal(
                Normal(Golden.Path($"openai-layout/{name}")), Normal(folder.File($"out/{name}")));
        }

        static string Normal(string path) => path.EndsWith(".json", StringComparison.Ordinal)
            ? JsonSerializer.Serialize(JsonDocument.Parse(File.ReadAllBytes(path)))
            : File.ReadAllText(path).Trim();
    }

    [Fact]
    public void Many_layers_and_the_vocabulary_leave_whole()
    {
        var model = Exported.Fresh(Exported.Small with { LayerCount = 12 });
        Write(model);
        var file = new BundleFile(folder.File("out/model.ckpt"));
        Assert.Equal(4 + (12 * 12), file.Variables.Count());
        var all = Exported.All(model.Weights);
        var slice = model.Weights.Layout["h.11.mlp.c_proj.weight"];
        Assert.Equal(all[(int)slice.Start..(int)slice.End], file.Read("model/h11/mlp/c_proj/w"));
        Assert.Equal([1UL, 128, 32], file.Variable("model/h11/mlp/c_proj/w").Dimensions);
        using var tokens = Gpt2Vocabulary.OpenBuiltIn("vocab.json");
        using var merges = Gpt2Vocabulary.OpenBuiltIn("merges.txt");
        Assert.Equal(Bytes(tokens), File.ReadAllBytes(folder.File("out/encoder.json")));
        Assert.Equal(Bytes(merges), File.ReadAllBytes(folder.File("out/vocab.bpe")));
    }

    [Fact]
    public void A_taken_place_is_refused_and_kept()
    {
        folder.Write("out/checkpoint", "mine");
        Assert.Throws<UserErrorException>(() => Write(Exported.Golden()));
        Assert.Equal("mine", File.ReadAllText(folder.File("out/checkpoint")));
        Assert.Equal(["out"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    private static byte[] Bytes(Stream stream)
    {
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return memory.ToArray();
    }

    private void Write(ExportedModel model) =>
        OpenAiExport.Write(model, new ExportRequest(folder.File("out"), WeightType.Float32, Overwrites: false));
}

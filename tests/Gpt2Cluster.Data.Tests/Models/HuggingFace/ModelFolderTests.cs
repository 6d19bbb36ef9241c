using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.Safetensors;

namespace Gpt2Cluster.Data.Tests.Models.HuggingFace;

public sealed class ModelFolderTests : IDisposable
{
    private static readonly ModelShape Golden32 = new(512, 64, 32, 2, 2);
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Reads_a_folder_in_the_flat_order()
    {
        using var model = ModelFolder.Open(Golden.Path("numerics"));
        using var file = SafetensorsFile.Open(Golden.Path("numerics/model.safetensors"));
        Assert.Equal(Golden32, model.Shape);
        var all = ReadAll(model);
        foreach (var slice in model.Layout.Slices)
        {
            var values = new float[slice.Length];
            file.ReadRange(slice.Name, 0, values);
            Assert.Equal(values, all[(int)slice.Start..(int)slice.End]);
        }
    }

    [Fact]
    public void Reads_any_range()
    {
        using var model = ModelFolder.Open(Golden.Path("numerics"));
        var all = ReadAll(model);
        var random = new Random(3);
        for (var round = 0; round < 200; round++)
        {
            var start = random.Next(all.Length);
            var part = new float[random.Next(all.Length - start + 1)];
            model.ReadParameters(start, part);
            Assert.True(part.AsSpan().SequenceEqual(all.AsSpan(start, part.Length)));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => model.ReadParameters(all.Length - 1, new float[2]));
    }

    [Fact]
    public void Reads_what_it_wrote_and_leaves_nothing_else()
    {
        using var model = ModelFolder.Open(Golden.Path("numerics"));
        ModelFolderWriter.Write(folder.File("out"), model.Layout, model.ReadParameters);
        using var copy = ModelFolder.Open(folder.File("out"));
        Assert.Equal(model.Shape, copy.Shape);
        Assert.Equal(ReadAll(model), ReadAll(copy));
        Assert.Equal("<|endoftext|>"u8, ModelFolder.ReadVocabulary(folder.File("out")).BytesOf(50256));
        Assert.Equal(["out"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
        Assert.Equal(
            ["config.json", "merges.txt", "model.safetensors", "vocab.json"],
            Directory.EnumerateFiles(folder.File("out")).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void A_write_that_fails_leaves_nothing()
    {
        var layout = new ParameterLayout(Golden32);
        Assert.Throws<InvalidDataException>(() => ModelFolderWriter.Write(
            folder.File("out"), layout, (_, _) => throw new InvalidDataException()));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_taken_place_is_refused_and_kept()
    {
        folder.Write("out/mine.txt", "mine");
        var layout = new ParameterLayout(Golden32);
        var error = Assert.Throws<UserErrorException>(
            () => ModelFolderWriter.Write(folder.File("out"), layout, (_, into) => into.Clear()));
        Assert.Contains("exists already", error.Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(folder.File("out/mine.txt")));
    }

    [Theory]
    [InlineData("transformer.")]
    [InlineData("")]
    public void Ignores_masks_and_a_tied_head(string prefix)
    {
        WriteWeights(slices => slices.Select(slice => (prefix + slice.Name, slice.Dimensions)).Concat(
        [
            (prefix + "h.0.attn.bias", [1, 1, 64, 64]),
            (prefix + "h.1.attn.masked_bias", []),
            ("lm_head.weight", [512, 32]),
        ]));
        using var model = ModelFolder.Open(folder.Path);
        Assert.Equal(Golden32, model.Shape);
    }

    [Fact]
    public void Missing_misshapen_and_unknown_tensors_are_named_at_once()
    {
        WriteWeights(slices => slices
            .Where(slice => slice.Name != "h.0.ln_1.bias")
            .Select(slice => slice.Name == "wpe.weight" ? (slice.Name, [63, 32]) : (slice.Name, slice.Dimensions))
            .Append(("score.weight", [2, 32])));
        var message = Assert.Throws<UserErrorException>(() => ModelFolder.Open(folder.Path)).Message;
        Assert.Contains("h.0.ln_1.bias is missing", message, StringComparison.Ordinal);
        Assert.Contains("wpe.weight is 63 x 32, not 64 x 32", message, StringComparison.Ordinal);
        Assert.Contains("score.weight is unknown", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_truncated_file_is_refused()
    {
        File.Copy(Golden.Path("numerics/config.json"), folder.File("config.json"));
        folder.Write("model.safetensors", File.ReadAllBytes(Golden.Path("numerics/model.safetensors"))[..^1]);
        var message = Assert.Throws<UserErrorException>(() => ModelFolder.Open(folder.Path)).Message;
        Assert.Contains("cut short", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"n_embd\": 32", "\"n_embd\": 33", "the width (33)")]
    [InlineData("\"n_embd\": 32", "\"n_embd\": \"x\"", "n_embd is missing")]
    [InlineData("\"gelu_new\"", "\"relu\"", "activation_function is \"relu\"")]
    [InlineData("1e-05", "1e-06", "layer_norm_epsilon is 1e-06")]
    [InlineData("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false", "tie_word_embeddings is false")]
    [InlineData("\"gpt2\"", "\"llama\"", "model_type is \"llama\"")]
    [InlineData("\"n_ctx\": 64", "\"n_ctx\": 65", "n_ctx is 65, only 64")]
    [InlineData("\"n_ctx\": 64", "\"n_inner\": 64", "n_inner is 64, only 128")]
    [InlineData("\"n_ctx\": 64", "\"add_cross_attention\": true", "add_cross_attention is true, only false")]
    [InlineData("\"n_ctx\": 64", "\"is_encoder_decoder\": true", "is_encoder_decoder is true, only false")]
    [InlineData("\"n_ctx\": 64", "\"scale_attn_by_inverse_layer_idx\": true", "scale_attn_by_inverse_layer_idx is")]
    [InlineData("\"n_ctx\": 64", "\"quantization_config\": {\"bits\":8}", "quantization_config is {\"bits\":8}")]
    [InlineData(
        "\"model_type\": \"gpt2\",\n  \"architectures\": [\n    \"GPT2LMHeadModel\"",
        "\"architectures\": [\n    \"BloomModel\"",
        "architectures is [ \"BloomModel\" ], only GPT2LMHeadModel")]
    [InlineData("\"vocab_size\": 512", "\"vocab_size\": 65537", "vocabulary size must be 2 to 65536")]
    [InlineData("{", "", "not valid JSON")]
    public void An_unsupported_configuration_is_refused_by_name(string from, string to, string expected)
    {
        var sound = File.ReadAllText(Golden.Path("numerics/config.json"));
        Assert.Contains(from, sound, StringComparison.Ordinal);
        folder.Write("config.json", sound.Replace(from, to, StringComparison.Ordinal));
        var message = Assert.Throws<UserErrorException>(() => ModelFolder.Open(folder.Path)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_files_are_named()
    {
        Assert.Contains("config.json", Fault(folder.Path), StringComparison.Ordinal);
        File.Copy(Golden.Path("numerics/config.json"), folder.File("config.json"));
        Assert.Contains("model.safetensors", Fault(folder.Path), StringComparison.Ordinal);
        Assert.Contains("no model folder", Fault(folder.File("none")), StringComparison.Ordinal);
    }

    private static string Fault(string path) => Assert.Throws<UserErrorException>(() => ModelFolder.Open(path)).Message;

    private static float[] ReadAll(ModelFolder model)
    {
        var all = new float[model.Layout.Length];
        model.ReadParameters(0, all);
        return all;
    }

    private void WriteWeights(
        Func<IEnumerable<ParameterSlice>, IEnumerable<(string Name, IReadOnlyList<int> Dimensions)>> choose)
    {
        File.Copy(Golden.Path("numerics/config.json"), folder.File("config.json"), overwrite: true);
        var tensors = choose(new ParameterLayout(Golden32).Slices).ToList();
        using var output = File.Create(folder.File("model.safetensors"));
        var writer = new SafetensorsWriter(output, tensors);
        foreach (var (_, dimensions) in tensors)
            writer.Write(new float[dimensions.Aggregate(1, (product, dimension) => product * dimension)]);
        writer.Complete();
    }
}

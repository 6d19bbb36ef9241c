using System.Security.Cryptography;
using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Tests.Models.Exports;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Models.HuggingFace;

public sealed class HuggingFaceExportTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_leaves_comes_back_bit_for_bit_with_all_files_of_the_hub()
    {
        var model = Exported.Fresh();
        HuggingFaceExport.Write(model, Wish(WeightType.Float32));
        using var back = ModelFolder.Open(folder.File("out"));
        Assert.Equal(model.Shape, back.Shape);
        Assert.Equal(Exported.All(model.Weights), Exported.All(back));
        Assert.Equal(WeightType.Float32, back.StoredType);
        Assert.Equal(
            [
                "README.md", "config.json", "generation_config.json", "merges.txt", "model.safetensors",
                "provenance.json", "tokenizer.json", "tokenizer_config.json", "vocab.json",
            ],
            Directory.EnumerateFiles(folder.File("out")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(["out"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData(WeightType.Float16, 10)]
    [InlineData(WeightType.BFloat16, 7)]
    public void Halves_are_rounded_to_nearest(WeightType type, int fractionBits)
    {
        var model = Exported.Golden();
        HuggingFaceExport.Write(model, Wish(type));
        using var back = ModelFolder.Open(folder.File("out"));
        Assert.Equal(type, back.StoredType);
        var (was, now) = (Exported.All(model.Weights), Exported.All(back));
        var halfStep = MathF.Pow(2, -fractionBits - 1);
        var subnormal = type == WeightType.Float16 ? MathF.Pow(2, -25) : 0;
        for (var index = 0; index < was.Length; index++)
            Assert.InRange(MathF.Abs(now[index] - was[index]), 0, (MathF.Abs(was[index]) * halfStep) + subnormal);
        Assert.Contains(was.Zip(now), pair => pair.First != pair.Second);
    }

    [Fact]
    public void Halves_of_a_tie_go_to_the_even_one_and_what_fp16_cannot_hold_is_refused()
    {
        Span<byte> bytes = stackalloc byte[4];
        WeightType.BFloat16.Encode("x", [1 + MathF.Pow(2, -8), 1 + (3 * MathF.Pow(2, -8))], bytes);
        Assert.Equal([0x80, 0x3f, 0x82, 0x3f], bytes.ToArray());
        var error = Assert.Throws<UserErrorException>(
            () => WeightType.Float16.Encode("wte.weight", [70000], new byte[2]));
        Assert.Contains("wte.weight", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_card_has_the_hubs_fields_and_the_record_travels()
    {
        HuggingFaceExport.Write(Exported.Fresh(), Wish(WeightType.Float32));
        var card = File.ReadAllText(folder.File("out/README.md"));
        Assert.StartsWith("---\nlicense: mit\nlibrary_name: transformers\n", card, StringComparison.Ordinal);
        Assert.Contains("\nbase_model: \"openai-community/gpt2\"\n", card, StringComparison.Ordinal);
        Assert.Contains("\ndatasets:\n- \"verses: \\\"one\\\".txt\"\n", card, StringComparison.Ordinal);
        Assert.Contains("| training, last step | 2.5000 | 12.18 |", card, StringComparison.Ordinal);
        Assert.Contains("* gpt2, licence mit, by OpenAI", card, StringComparison.Ordinal);
        var header = Header(folder.File("out/model.safetensors")).GetProperty("__metadata__");
        Assert.Equal("pt", header.GetProperty("format").GetString());
        var recorded = Origin.Read(header.GetProperty(Origin.MetadataKey).GetString()!);
        Assert.Equal(Exported.Origin.Write(), recorded!.Write());
        var hash = SHA256.HashData(File.ReadAllBytes(folder.File("out/model.safetensors")));
        var beside = Exported.Origin with { WeightsSha256 = Convert.ToHexStringLower(hash) };
        Assert.Equal(beside.Write(), File.ReadAllText(folder.File("out/provenance.json")));
        Assert.Equal(beside.Write(), OriginReader.Read(folder.File("out"))!.Write());
        Assert.Equal(Exported.Origin.Write(), OriginReader.Read(folder.File("out/model.safetensors"))!.Write());
    }

    [Fact]
    public void The_tokenizer_is_the_vocabulary_and_its_merges()
    {
        var padded = Exported.Fresh(Exported.Small with { VocabularySize = 50304 });
        HuggingFaceExport.Write(padded, Wish(WeightType.Float32));
        var json = JsonDocument.Parse(File.ReadAllBytes(folder.File("out/tokenizer.json"))).RootElement;
        var model = json.GetProperty("model");
        var vocabulary = model.GetProperty("vocab").EnumerateObject().ToDictionary(
            token => token.Name, token => token.Value.GetInt32());
        Assert.Equal(Gpt2Vocabulary.BuiltInCount, vocabulary.Count);
        Assert.Equal(50256, vocabulary[Gpt2Vocabulary.EndOfTextWord]);
        var merges = model.GetProperty("merges").EnumerateArray().Select(merge => merge.GetString()!).ToList();
        Assert.Equal(50000, merges.Count);
        for (var rank = 0; rank < merges.Count; rank++)
            Assert.Equal(256 + rank, vocabulary[merges[rank].Replace(" ", "", StringComparison.Ordinal)]);
        var special = Assert.Single(json.GetProperty("added_tokens").EnumerateArray().ToList());
        Assert.Equal(50256, special.GetProperty("id").GetInt32());
        foreach (var name in new[] { "config.json", "generation_config.json" })
        {
            var configuration = JsonDocument.Parse(File.ReadAllBytes(folder.File($"out/{name}"))).RootElement;
            Assert.Equal(50256, configuration.GetProperty("eos_token_id").GetInt32());
        }
    }

    [Fact]
    public void A_model_of_fewer_rows_than_the_built_in_tokens_leaves_without_them()
    {
        HuggingFaceExport.Write(Exported.Golden(), Wish(WeightType.Float32));
        Assert.False(File.Exists(folder.File("out/vocab.json")));
        Assert.False(File.Exists(folder.File("out/tokenizer.json")));
    }

    [Fact]
    public void What_is_there_stays_unless_it_may_be_replaced()
    {
        folder.Write("out/config.json", "mine");
        var refused = Assert.Throws<UserErrorException>(
            () => HuggingFaceExport.Write(Exported.Golden(), Wish(WeightType.Float32)));
        Assert.Contains("--overwrite", refused.Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(folder.File("out/config.json")));
        HuggingFaceExport.Write(Exported.Golden(), Wish(WeightType.Float32, overwrites: true));
        Assert.NotEqual("mine", File.ReadAllText(folder.File("out/config.json")));
        Assert.Equal(["out"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void A_folder_with_somebodys_files_is_never_replaced()
    {
        folder.Write("out/novel.docx", "mine");
        var refused = Assert.Throws<UserErrorException>(
            () => HuggingFaceExport.Write(Exported.Golden(), Wish(WeightType.Float32, overwrites: true)));
        Assert.Contains("novel.docx", refused.Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(folder.File("out/novel.docx")));
    }

    [Fact]
    public void An_export_that_is_stopped_leaves_the_old_one()
    {
        folder.Write("out/config.json", "mine");
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => HuggingFaceExport.Write(
            Exported.Golden(), Wish(WeightType.Float32, overwrites: true) with { Cancellation = stop.Token }));
        Assert.Equal("mine", File.ReadAllText(folder.File("out/config.json")));
        Assert.Equal(["out"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    private static JsonElement Header(string path)
    {
        using var reader = new BinaryReader(File.OpenRead(path));
        return JsonDocument.Parse(reader.ReadBytes((int)reader.ReadUInt64())).RootElement;
    }

    private ExportRequest Wish(WeightType type, bool overwrites = false) => new(folder.File("out"), type, overwrites);
}

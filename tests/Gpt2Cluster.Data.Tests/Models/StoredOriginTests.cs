using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.TensorFlow;
using Gpt2Cluster.Data.Tests.Models.Exports;

namespace Gpt2Cluster.Data.Tests.Models;

/// <summary>Licence, author and hash of models that come into the store.</summary>
public sealed class StoredOriginTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private ModelDirectory Store => new(folder.File("models"));

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("---\nlicense: apache-2.0\n---\n# A poet\n", "apache-2.0")]
    [InlineData("---\r\nlanguage: en\r\nlicense: mit # as GPT-2\r\n---\r\n", "mit")]
    [InlineData("---\nlicense: \"cc-by-4.0\"\n---\n", "cc-by-4.0")]
    [InlineData("---\nlicense: 'Poet''s own'\n---\n", "Poet's own")]
    [InlineData("---\nlicense: other\nlicense_name: \"A \\\"free\\\" one\"\n---\n", "A \"free\" one")]
    [InlineData("---\nlicense: other\n---\n", "other")]
    [InlineData("---\nlicense:\n- mit\n- apache-2.0\ntags:\n- gpt2\n---\n", "mit, apache-2.0")]
    [InlineData("---\nlicense: [mit, 'gpl-3.0']\n---\n", "mit, gpl-3.0")]
    [InlineData("---\nlicense: unknown\n---\n", null)]
    [InlineData("---\nlicense:\ntags:\n- gpt2\n---\n", null)]
    [InlineData("---\ntags:\n  license: mit\n---\nlicense: mit\n", null)]
    [InlineData("license: mit\n", null)]
    [InlineData("", null)]
    public void A_model_card_names_the_licence_unless_another_is_given(string card, string? license)
    {
        Brought(card);
        Assert.Equal(license, Imported("told", new OriginClaim()).EffectiveLicense);
        var given = Imported("given", new OriginClaim("CC0-1.0", "A poet"));
        Assert.Equal(("CC0-1.0", "A poet"), (given.License, given.Author));
    }

    [Fact]
    public void One_of_OpenAIs_sizes_is_theirs_only_in_its_own_shape()
    {
        Brought("");
        var origin = Imported("gpt2", new OriginClaim());
        Assert.Equal((null, null), (origin.License, origin.Author));
        using var model = new ScratchModel(Core.Specification.Presets.Scratch("scratch:gpt2").Shape, 1);
        origin = StoredOrigin.OfBrought(model, "124M", new OriginClaim());
        Assert.Equal(("gpt2", "mit", "OpenAI"), (origin.Name, origin.License, origin.Author));
        Assert.Null(StoredOrigin.OfBrought(model, "mine", new OriginClaim()).License);
    }

    [Fact]
    public void The_record_that_a_model_brings_goes_on_with_the_hash_of_what_was_stored()
    {
        using (var golden = ModelFolder.Open(Golden.Path("numerics")))
        {
            HuggingFaceExport.Write(
                Exported.Of(golden), new ExportRequest(folder.File("out"), WeightType.BFloat16, Overwrites: false));
        }

        var origin = Imported("again", new OriginClaim(), "out");
        Assert.Equal(
            Exported.Origin.Write(), (origin with { License = null, WeightsSha256 = null }).Write());
        Assert.Equal("mit", origin.EffectiveLicense);
        Assert.Equal(origin.WeightsSha256, RecordedWeights.Verify(folder.File("models/again"), origin));
        var other = Imported("other", new OriginClaim("apache-2.0"), "out");
        Assert.Equal(("run:r", "apache-2.0"), (other.Name, other.EffectiveLicense));

        // What was changed since has another story.
        var weights = folder.File("out/model.safetensors");
        var bytes = File.ReadAllBytes(weights);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        var error = Assert.Throws<UserErrorException>(() => Imported("changed", new OriginClaim(), "out"));
        Assert.Contains("changed since", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("models/changed")));
        File.Delete(folder.File("out/provenance.json"));
        Assert.Equal("run:r", Imported("changed", new OriginClaim(), "out").Name);
    }

    [Fact]
    public void An_export_to_OpenAIs_layout_says_what_its_weights_hash_to()
    {
        OpenAiExport.Write(
            Exported.Golden(), new ExportRequest(folder.File("out"), WeightType.Float32, Overwrites: false));
        var origin = OriginReader.Read(folder.File("out"))!;
        Assert.NotNull(origin.WeightsSha256);
        Assert.Equal(origin.WeightsSha256, RecordedWeights.Verify(folder.File("out"), origin));
        Assert.Equal("mit", Imported("back", new OriginClaim(), "out").EffectiveLicense);
        File.AppendAllText(folder.File("out/model.ckpt.data-00000-of-00001"), "x");
        Assert.Throws<UserErrorException>(() => RecordedWeights.Verify(folder.File("out"), origin));
    }

    [Fact]
    public void A_file_of_weights_is_held_against_the_record_of_its_folder()
    {
        Brought("");
        Imported("plain", new OriginClaim());
        Assert.Equal(
            folder.File("models/plain"), RecordedWeights.FolderOf(folder.File("models/plain/model.safetensors")));
        Assert.Null(RecordedWeights.FolderOf(folder.File("models/plain/config.json")));
        Assert.Null(RecordedWeights.FolderOf(folder.File("in/model.safetensors")));
    }

    private void Brought(string card)
    {
        foreach (var path in Directory.EnumerateFiles(Golden.Path("numerics"), "*.json")
            .Append(Golden.Path("numerics/model.safetensors")))
            folder.Write($"in/{Path.GetFileName(path)}", File.ReadAllBytes(path));
        folder.Write("in/README.md", card);
    }

    private Origin Imported(string name, OriginClaim claim, string from = "in") =>
        StoredOrigin.Of(name, Store.Import(folder.File(from), name, claim).Path);
}

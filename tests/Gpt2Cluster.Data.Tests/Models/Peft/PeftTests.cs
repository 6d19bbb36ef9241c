using System.Security.Cryptography;
using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.Peft;
using Gpt2Cluster.Data.Models.Safetensors;
using Gpt2Cluster.Data.Tests.Models.Exports;

namespace Gpt2Cluster.Data.Tests.Models.Peft;

public sealed class PeftTests : IDisposable
{
    // Sums of five products and weights below 1 in fp32.
    private const double MergeTolerance = 1e-6;

    private static readonly ModelShape Shape = new(512, 64, 32, 2, 2);
    private readonly TemporaryFolder folder = new();

    private static string GoldenAdapter => Golden.Path("lora/adapter");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void PEFTs_own_adapter_comes_in_and_leaves_equal()
    {
        Write(PeftAdapter.Read(GoldenAdapter, Shape));
        Assert.True(JsonElement.DeepEquals(
            Golden.Json("lora/adapter/adapter_config.json"),
            JsonDocument.Parse(File.ReadAllBytes(folder.File("out/adapter_config.json"))).RootElement));
        using var golden = SafetensorsFile.Open(Path.Combine(GoldenAdapter, PeftAdapter.WeightsFileName));
        using var ours = SafetensorsFile.Open(folder.File("out/adapter_model.safetensors"));
        Assert.Equal(golden.Tensors.Select(one => one.Name).Order(), ours.Tensors.Select(one => one.Name).Order());
        foreach (var tensor in golden.Tensors)
        {
            Assert.Equal(tensor.Dimensions, ours.Find(tensor.Name)!.Dimensions);
            var (was, now) = (new float[tensor.Length], new float[tensor.Length]);
            golden.ReadRange(tensor.Name, 0, was);
            ours.ReadRange(tensor.Name, 0, now);
            Assert.Equal(was, now);
        }

        Assert.Contains("library_name: peft", File.ReadAllText(folder.File("out/README.md")), StringComparison.Ordinal);
        var recorded = Origin.Read(File.ReadAllText(folder.File("out/provenance.json")))!;
        Assert.Equal(Exported.Origin.Write(), (recorded with { WeightsSha256 = null }).Write());
        Assert.Equal(
            recorded.WeightsSha256,
            Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(folder.File("out/adapter_model.safetensors")))));
        Assert.Equal(
            Exported.Origin.Write(), OriginReader.Read(folder.File("out/adapter_model.safetensors"))!.Write());
    }

    [Fact]
    public void An_adapter_of_the_store_is_a_whole_model_and_leaves_as_it_came()
    {
        var origin = new Origin { Name = "adapted", Base = new Origin { Name = "numerics", License = "mit" } };
        StoredModel stored;
        using (var model = new AdaptedModel(GoldenAdapter, ModelFolder.Open(Golden.Path("numerics"))))
            stored = new ModelDirectory(folder.File("models")).Import(model, "adapted", origin);
        using var merged = ModelFolder.Open(stored.Path);
        AssertMerged(merged);
        var record = StoredOrigin.Of("adapted", stored.Path);
        Assert.Equal("mit", record.EffectiveLicense);
        Assert.Equal(record.WeightsSha256, RecordedWeights.Verify(stored.Path, record));

        PeftExport.Write(
            new ExportedModel(merged, merged.ReadVocabulary(), record)
            {
                Adapter = PeftAdapter.Read(stored.Path, merged.Shape),
            },
            new ExportRequest(folder.File("out"), WeightType.Float32, Overwrites: false));
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(GoldenAdapter, PeftAdapter.ConfigurationFileName)),
            File.ReadAllBytes(folder.File("out/adapter_config.json")));
        using var golden = SafetensorsFile.Open(Path.Combine(GoldenAdapter, PeftAdapter.WeightsFileName));
        using var ours = SafetensorsFile.Open(folder.File("out/adapter_model.safetensors"));
        Assert.All(golden.Tensors, tensor => Assert.Equal(All(golden, tensor.Name), All(ours, tensor.Name)));
    }

    [Fact]
    public void An_adapter_does_not_fit_a_base_of_another_size()
    {
        var wider = Shape with { Width = 64 };
        var error = Assert.Throws<UserErrorException>(() => PeftAdapter.Read(GoldenAdapter, wider));
        Assert.Contains("does not fit a base model of 2 layers of width 64", error.Message, StringComparison.Ordinal);
        Assert.Contains("lora_A.weight is 4 x 32, not 4 x 64", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<UserErrorException>(() => PeftAdapter.Read(GoldenAdapter, Shape with { LayerCount = 1 }));
        Assert.Contains("h.1.attn.c_attn.lora_A.weight belongs to no layer", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<UserErrorException>(() => PeftAdapter.Read(GoldenAdapter, Shape with { LayerCount = 3 }));
        Assert.Contains("h.2.attn.c_attn.lora_A.weight is missing", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_of_adapters_alone_is_told_from_a_model()
    {
        Assert.True(ModelFormats.IsAdapter(GoldenAdapter));
        Assert.False(ModelFormats.IsAdapter(Golden.Path("numerics")));
        var error = Assert.Throws<UserErrorException>(() => ModelFormats.Open(GoldenAdapter));
        Assert.Contains("model import ADAPTER --base MODEL", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"use_dora\": false", "\"use_dora\": true", "use_dora")]
    [InlineData("\"bias\": \"none\"", "\"bias\": \"all\"", "bias")]
    [InlineData("\"peft_type\": \"LORA\"", "\"peft_type\": \"IA3\"", "peft_type")]
    [InlineData("\"task_type\": \"CAUSAL_LM\"", "\"task_type\": \"SEQ_CLS\"", "task_type is \"SEQ_CLS\"")]
    [InlineData("\"use_rslora\": false", "\"use_rslora\": true", "use_rslora is true")]
    [InlineData("\"bias\": \"none\"", "\"lora_bias\": true", "lora_bias is true")]
    [InlineData("\"fan_in_fan_out\": true", "\"fan_in_fan_out\": false", "fan_in_fan_out must be true")]
    [InlineData("\"modules_to_save\": null", "\"modules_to_save\": [\"wte\"]", "modules_to_save is [\"wte\"]")]
    [InlineData("\"use_dora\": false", "\"rank_pattern\": {\"h.0.attn.c_attn\": 8}", "rank_pattern is {")]
    [InlineData("\"use_dora\": false", "\"alpha_pattern\": {\"c_fc\": 1}", "alpha_pattern is {")]
    [InlineData("\"use_dora\": false", "\"layers_to_transform\": [0]", "layers_to_transform is [0]")]
    [InlineData("\"use_dora\": false", "\"init_lora_weights\": \"pissa\"", "init_lora_weights is \"pissa\"")]
    [InlineData("\"c_attn\",", "\"wte\",", "target_modules names \"wte\"")]
    [InlineData("\"c_attn\",", "7,", "target_modules names 7")]
    [InlineData("\"r\": 4", "\"r\": 5", "5 x 32")]
    [InlineData("\"r\": 4", "\"r\": 4.5", "r is 4.5")]
    [InlineData("\"r\": 4", "\"r\": 0", "r is 0")]
    [InlineData("\"r\": 4,", "", "r is missing")]
    [InlineData("\"lora_alpha\": 8", "\"lora_alpha\": \"8\"", "lora_alpha is \"8\"")]
    [InlineData("\"lora_dropout\": 0.0", "\"lora_dropout\": []", "lora_dropout is []")]
    [InlineData("\"peft_type\"", "\"kind\"", "peft_type is missing")]
    public void What_is_not_built_is_refused_by_name(string was, string now, string named)
    {
        var text = File.ReadAllText(Path.Combine(GoldenAdapter, PeftAdapter.ConfigurationFileName));
        Assert.Contains(was, text, StringComparison.Ordinal);
        folder.Write("in/adapter_config.json", text.Replace(was, now, StringComparison.Ordinal));
        File.Copy(
            Path.Combine(GoldenAdapter, PeftAdapter.WeightsFileName), folder.File("in/adapter_model.safetensors"));
        var error = Assert.Throws<UserErrorException>(() => PeftAdapter.Read(folder.File("in"), Shape));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_without_adapters_is_refused_and_writes_nothing()
    {
        Assert.Throws<UserErrorException>(() => PeftExport.Write(
            Exported.Golden(), new ExportRequest(folder.File("out"), WeightType.Float32, Overwrites: false)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    /// <summary>PyTorch's weights and PEFT's formula, <c>W + alpha / r (B A)^T</c>, written out once more.</summary>
    private static void AssertMerged(ModelFolder merged)
    {
        const double scale = 8 / 4.0;
        using var original = ModelFolder.Open(Golden.Path("numerics"));
        using var adapter = SafetensorsFile.Open(Path.Combine(GoldenAdapter, PeftAdapter.WeightsFileName));
        var (before, after) = (Exported.All(original), Exported.All(merged));
        var moved = 0;
        foreach (var slice in merged.Layout.Slices)
        {
            var name = PeftAdapter.NamePrefix + slice.Name.Replace(".weight", "", StringComparison.Ordinal);
            var isAdapted = adapter.Find($"{name}.lora_A.weight") is not null
                && slice.Name.EndsWith(".weight", StringComparison.Ordinal);
            var (a, b) = isAdapted
                ? (All(adapter, $"{name}.lora_A.weight"), All(adapter, $"{name}.lora_B.weight"))
                : ([], []);
            for (var index = 0; index < slice.Length; index++)
            {
                var was = before[slice.Start + index];
                if (!isAdapted)
                {
                    Assert.Equal(was, after[slice.Start + index]);
                    continue;
                }

                var (inputs, outputs) = (slice.Dimensions[0], slice.Dimensions[1]);
                var (input, output) = Math.DivRem(index, outputs);
                var addition = Enumerable.Range(0, 4).Sum(r => (double)b[(output * 4) + r] * a[(r * inputs) + input]);
                Assert.Equal(was + (scale * addition), after[slice.Start + index], MergeTolerance);
                moved++;
            }
        }

        Assert.Equal(merged.Layout.Slices.Where(slice => slice.Layer >= 0 && slice.Dimensions.Count == 2)
            .Sum(slice => slice.Length), moved);
    }

    private static float[] All(SafetensorsFile file, string name)
    {
        var all = new float[file.Find(name)!.Length];
        file.ReadRange(name, 0, all);
        return all;
    }

    private void Write(AdapterWeights adapter) => PeftExport.Write(
        Exported.Golden() with { Adapter = adapter },
        new ExportRequest(folder.File("out"), WeightType.Float32, Overwrites: false));
}

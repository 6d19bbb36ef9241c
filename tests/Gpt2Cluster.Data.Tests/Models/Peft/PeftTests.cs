using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.Peft;
using Gpt2Cluster.Data.Models.Safetensors;
using Gpt2Cluster.Data.Tests.Models.Exports;

namespace Gpt2Cluster.Data.Tests.Models.Peft;

public sealed class PeftTests : IDisposable
{
    private static readonly ModelShape Shape = new(512, 64, 32, 2, 2);
    private readonly TemporaryFolder folder = new();

    private static string GoldenAdapter => Golden.Path("lora/adapter");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void PEFTs_own_adapter_comes_in_and_leaves_equal()
    {
        using (var adapter = PeftAdapter.Open(GoldenAdapter, Shape))
            Write(adapter.Weights);
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
        Assert.Equal(Exported.Origin.Write(), recorded.Write());
    }

    [Theory]
    [InlineData("\"use_dora\": false", "\"use_dora\": true", "use_dora")]
    [InlineData("\"bias\": \"none\"", "\"bias\": \"all\"", "bias")]
    [InlineData("\"peft_type\": \"LORA\"", "\"peft_type\": \"IA3\"", "peft_type")]
    [InlineData("\"c_attn\",", "\"wte\",", "target_modules")]
    [InlineData("\"r\": 4", "\"r\": 5", "5 x 32")]
    [InlineData("\"r\": 4,", "", "adapter_config.json")]
    public void What_is_not_built_is_refused_by_name(string was, string now, string named)
    {
        var text = File.ReadAllText(Path.Combine(GoldenAdapter, PeftAdapter.ConfigurationFileName));
        Assert.Contains(was, text, StringComparison.Ordinal);
        folder.Write("in/adapter_config.json", text.Replace(was, now, StringComparison.Ordinal));
        File.Copy(
            Path.Combine(GoldenAdapter, PeftAdapter.WeightsFileName), folder.File("in/adapter_model.safetensors"));
        var error = Assert.Throws<UserErrorException>(() => PeftAdapter.Open(folder.File("in"), Shape));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_without_adapters_is_refused_and_writes_nothing()
    {
        Assert.Throws<UserErrorException>(() => PeftExport.Write(
            Exported.Golden(), new ExportWish(folder.File("out"), WeightType.Float32, Overwrites: false)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    private void Write(AdapterWeights adapter) => PeftExport.Write(
        Exported.Golden() with { Adapter = adapter },
        new ExportWish(folder.File("out"), WeightType.Float32, Overwrites: false));
}

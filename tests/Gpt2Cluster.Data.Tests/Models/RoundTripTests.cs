using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.TensorBundle;
using Gpt2Cluster.Data.Models.TensorFlow;

namespace Gpt2Cluster.Data.Tests.Models;

/// <summary>A model that comes in and leaves, again and again, in different forms.</summary>
public sealed class RoundTripTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void From_OpenAIs_layout_by_Hugging_Faces_back_to_it_every_tensor_keeps_its_bits()
    {
        Import(Golden.Path("openai-layout"), "first", new OriginClaim("apache-2.0", "A poet"));
        Export("first", "hf", HuggingFaceExport.Write);
        Import(folder.File("hf"), "second", new OriginClaim());
        Export("second", "openai", OpenAiExport.Write);

        using var before = BundleWeights.Open(Path.Combine(Golden.Path("openai-layout"), "model.ckpt"));
        using var after = BundleWeights.Open(folder.File("openai/model.ckpt"));
        Assert.Equal(before.Tensors.Select(one => one.Name).Order(), after.Tensors.Select(one => one.Name).Order());
        foreach (var tensor in before.Tensors)
        {
            Assert.Equal(tensor.Dimensions, after.Find(tensor.Name)!.Dimensions);
            Assert.Equal(Bits(before, tensor), Bits(after, tensor));
        }

        // The record goes all the way, in the file of weights and beside it.
        foreach (var place in new[] { "hf/model.safetensors", "hf", "openai" })
        {
            var origin = OriginReader.Read(folder.File(place))!;
            Assert.Equal(("first", "apache-2.0", "A poet"), (origin.Name, origin.License, origin.Author));
        }
    }

    private void Import(string path, string name, OriginClaim claim) =>
        new ModelDirectory(folder.File("models")).Import(path, name, claim);

    private void Export(string name, string place, Action<ExportedModel, ExportRequest> write)
    {
        var stored = folder.File($"models/{name}");
        using var weights = ModelFolder.Open(stored);
        write(
            new ExportedModel(weights, weights.ReadVocabulary(), StoredOrigin.Of(name, stored)),
            new ExportRequest(folder.File(place), WeightType.Float32, Overwrites: false));
    }

    private static int[] Bits(BundleWeights weights, WeightTensor tensor)
    {
        var values = new float[tensor.Length];
        weights.ReadRange(tensor.Name, 0, values);
        return [.. values.Select(BitConverter.SingleToInt32Bits)];
    }
}

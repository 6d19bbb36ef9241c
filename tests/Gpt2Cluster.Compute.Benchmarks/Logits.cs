using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Models.HuggingFace;
using TorchSharp;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>The logits of a model folder in fp32, for who holds those of another program against them.</summary>
internal static class Logits
{
    /// <summary>Computes them.</summary>
    /// <param name="folder">A model in Hugging Face's layout; its vocabulary a multiple of 64, without padding.</param>
    /// <param name="tokens">One window, as many tokens as one chunk of the head has rows at most.</param>
    /// <returns>The logits of each position.</returns>
    public static IEnumerable<float[]> Of(string folder, int[] tokens)
    {
        using var source = ModelFolder.Open(folder);
        TorchRuntime.Prepare(1);
        using var replica = new Replica(
            new ReplicaOptions { Shape = source.Shape, Precision = Precision.Float32 },
            new PortableCpuBackend(Precision.Float32, 1, false, source.Shape));
        foreach (var slice in source.Layout.Slices)
        {
            var values = new float[slice.Length];
            source.ReadParameters(slice.Start, values);
            replica.WriteBase(slice.Start, values);
        }

        replica.Loaded(0);
        using var mode = torch.no_grad();
        using var backend = CpuBackend.For(Precision.Float32, 1, false, source.Shape);
        using var space = new Workspace(backend, replica.Parameters, tokens.Length, false, false);
        using var model = new Gpt2(backend, replica.Parameters, replica.Working, new PhaseClock());
        model.Losses(
            space, StepContext.ForEvaluation(tokens.Length), tokens, new int[tokens.Length], new double[tokens.Length]);
        var logits = ((ChunkedHeadLoss)model.Loss).Logits!.Tensor.data<float>();
        return [.. logits.Take(tokens.Length * source.Shape.VocabularySize).Chunk(source.Shape.VocabularySize)];
    }
}

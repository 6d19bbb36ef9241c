using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Training;

/// <summary>The same update as <see cref="CpuOptimizer"/> by operations on flat tensors: what a GPU runs.</summary>
internal sealed class TorchOptimizer(
    ReplicaState state, ParameterSegment[] segments, OptimizerOptions options, IWorkingParameters working)
    : IOptimizer
{
    private readonly (long Start, long Count, bool Decays)[] runs = Join(segments);

    /// <inheritdoc/>
    public void Apply(FlatBuffer averages, long step, double learningRate, double scale)
    {
        var constants = OptimizerConstants.For(options, step, learningRate, scale);
        using var mode = no_grad();
        foreach (var (start, count, decays) in runs)
        {
            using var scope = NewDisposeScope();
            var gradient = Upload(averages, start, (int)count) * constants.GradientScale;
            var parameters = state.Parameters.Tensor.narrow(0, start, count);
            if (decays)
                parameters.mul_(constants.Decay);
            if (options.Kind == OptimizerKind.Sgd)
                parameters.sub_(gradient * constants.StepSize);
            else
                UpdateAdam(parameters, gradient, start, count, constants);
            working.Refresh(start, (int)count);
        }
    }

    private void UpdateAdam(Tensor parameters, Tensor gradient, long start, long count, in OptimizerConstants c)
    {
        var first = state.FirstMoments!.Tensor.narrow(0, start, count);
        var second = state.SecondMoments!.Tensor.narrow(0, start, count);
        first.mul_(c.Beta1.Keep).add_(gradient * c.Beta1.Take);
        second.mul_(c.Beta2.Keep).add_(gradient * c.Beta2.Take * gradient);
        var root = second.sqrt().div_(c.RootCorrection).add_(c.Epsilon);
        parameters.sub_(first * c.StepSize / root);
    }

    private Tensor Upload(FlatBuffer averages, long start, int count)
    {
        var type = averages.ElementType == ElementType.Float32 ? ScalarType.Float32 : ScalarType.BFloat16;
        var host = empty(count, type);
        averages.Bytes(start, count).CopyTo(host.bytes);
        return host.to(state.Parameters.Tensor.device).to(ScalarType.Float32);
    }

    /// <summary>
    /// Neighbouring segments become one, so that a GPU gets long runs of work, but none beyond a GiB.
    /// </summary>
    private static (long Start, long Count, bool Decays)[] Join(ParameterSegment[] segments)
    {
        const long MostElements = 1 << 28;
        var runs = new List<(long Start, long Count, bool Decays)>();
        foreach (var (start, count, decays) in segments)
        {
            if (runs.Count > 0 && runs[^1] is var last && last.Decays == decays
                && last.Start + last.Count == start && last.Count + count <= MostElements)
                runs[^1] = (last.Start, last.Count + count, decays);
            else
                runs.Add((start, count, decays));
        }

        return [.. runs];
    }
}

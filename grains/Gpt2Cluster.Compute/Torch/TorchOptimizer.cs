using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Compute.Training;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// The same update as <see cref="CpuOptimizer"/>, with the same bits on a processor, by operators over whole buffers.
/// </summary>
internal sealed class TorchOptimizer : IOptimizer
{
    private readonly TorchOperators operators;
    private readonly ReplicaState state;
    private readonly long length;
    private readonly OptimizerOptions options;
    private readonly IWorkingParameters working;
    private readonly DeviceAverages averaged;
    private readonly Tensor[] decaying; // views of all parameters to which weight decay applies

    /// <summary>Updates a replica's state.</summary>
    public TorchOptimizer(
        TorchOperators operators,
        ReplicaState state,
        ParameterLayout trained,
        OptimizerOptions options,
        IWorkingParameters working,
        DeviceAverages averaged)
    {
        (this.operators, this.state, this.options, this.working) = (operators, state, options, working);
        (length, this.averaged) = (trained.Length, averaged);
        decaying = [.. trained.Slices.Where(slice => slice.Decays).Select(slice =>
            state.Parameters.Tensor.narrow(0, slice.Start, slice.Length).DetachFromDisposeScope())];
    }

    /// <inheritdoc/>
    public void Apply(FlatBuffer? averages, long step, double learningRate, double scale)
    {
        var constants = OptimizerConstants.For(options, step, learningRate, scale);
        using var mode = no_grad();
        using var gradients = averaged.Take(averages, length);
        if (decaying.Length > 0 && constants.Decay != 1)
            operators.ScaleAll(decaying, constants.Decay);
        for (var start = 0L; start < length; start += DeviceAverages.MostElements)
        {
            using var scope = NewDisposeScope();
            var count = (int)Math.Min(DeviceAverages.MostElements, length - start);
            var gradient = gradients.narrow(0, start, count);
            var parameters = state.Parameters.Tensor.narrow(0, start, count);
            operators.Scale(gradient, constants.GradientScale);
            if (options.Kind == OptimizerKind.Sgd)
                operators.Scale(gradient, constants.StepSize);
            operators.SubtractFrom(
                parameters,
                options.Kind == OptimizerKind.Sgd ? gradient : AdamStep(gradient, start, count, constants));
            working.Refresh(start, count);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var view in decaying)
            view.Dispose();
    }

    private Tensor AdamStep(Tensor gradient, long start, long count, in OptimizerConstants c)
    {
        var first = state.FirstMoments!.Tensor.narrow(0, start, count);
        var second = state.SecondMoments!.Tensor.narrow(0, start, count);
        var scratch = empty(count, ScalarType.Float32, gradient.device);
        operators.Scaled(gradient, c.Beta1.Take, scratch);
        operators.Scale(first, c.Beta1.Keep);
        operators.AddTo(first, scratch);
        operators.Scaled(gradient, c.Beta2.Take, scratch);
        operators.Scale(scratch, gradient);
        operators.Scale(second, c.Beta2.Keep);
        operators.AddTo(second, scratch);
        operators.Root(second, scratch);
        operators.Divide(scratch, c.RootCorrection);
        operators.AddTo(scratch, c.Epsilon);
        operators.Scaled(first, c.StepSize, gradient); // What it held is not needed any more.
        operators.Divide(gradient, scratch);
        return gradient;
    }
}

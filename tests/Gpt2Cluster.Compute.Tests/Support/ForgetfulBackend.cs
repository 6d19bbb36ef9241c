using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Compute.Training;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Tests.Support;

/// <summary>A backend in whose memory one parameter changes before every pass but the first.</summary>
internal sealed class ForgetfulBackend(ComputeBackend inner)
    : ComputeBackend(inner.Precision, inner.Type, inner.Memory, inner.Team)
{
    private readonly List<FlatTensor> masters = [];
    private int passCount;

    public override IKernels Kernels => inner.Kernels;

    public override ILinear Linear => inner.Linear;

    public override IMatmul Matmul => inner.Matmul;

    public override IRowProduct NewRowProduct(Matrix weight, RowProductUse use, bool inEightBits) =>
        inner.NewRowProduct(weight, use, inEightBits);

    public override IHeadLoss NewHeadLoss(ModelShape shape, PhaseClock clock) => inner.NewHeadLoss(shape, clock);

    public override IWorkingParameters NewWorkingParameters(ModelParameters parameters, FlatTensor master)
    {
        masters.Add(master);
        return inner.NewWorkingParameters(parameters, master);
    }

    public override IOptimizer NewOptimizer(
        ReplicaState state, ParameterLayout trained, OptimizerOptions options, IWorkingParameters working) =>
        inner.NewOptimizer(state, trained, options, working);

    public override GradientAccumulator NewGradientAccumulator(ParameterLayout trained) =>
        inner.NewGradientAccumulator(trained);

    public override double GradientNorm(FlatBuffer? averages, long length) => inner.GradientNorm(averages, length);

    public override void Synchronize() => inner.Synchronize();

    public override void BeginPass(ReadOnlyMemory<int> tokens, ReadOnlyMemory<int> targets)
    {
        inner.BeginPass(tokens, targets);
        if (passCount++ > 0)
            masters.ForEach(master => master.Buffer.Floats(0, 1)[0] += 1);
    }
}

using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Kernels.Fused;
using Gpt2Cluster.Compute.Kernels.Int8;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Compute.Training;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Devices;

/// <summary>What the processor's backends have in common: our own kernels over its memory.</summary>
internal abstract class CpuBackend : ComputeBackend
{
    private readonly HostMemory memory;
    private readonly WideRows wide = new();
    private readonly Int8Rows integers;

    /// <summary>Sets up a processor's backend.</summary>
    protected CpuBackend(Precision precision, ScalarType type, HostMemory memory, ThreadTeam team)
        : base(precision, type, memory, team)
    {
        this.memory = memory;
        integers = new Int8Rows(team);
    }

    /// <inheritdoc/>
    public override IMatmul Matmul { get; } = new Matmul();

    /// <summary>A CPU: the fused kernels where processor and shape allow them, else the portable ones.</summary>
    /// <param name="precision">Of the products.</param>
    /// <param name="threads">Intra-op threads.</param>
    /// <param name="multipliesBFloat16">Whether the processor does so in hardware.</param>
    /// <param name="shape">The model's: widths that are multiples of 64, as all published ones are, are fused.</param>
    public static CpuBackend For(Precision precision, int threads, bool multipliesBFloat16, ModelShape shape)
    {
        TorchRuntime.Prepare(threads);
        var fuses = precision == Precision.BFloat16 && multipliesBFloat16
            && Microkernel.IsAvailable && FusedCpuBackend.Takes(shape);
        return fuses
            ? new FusedCpuBackend(threads)
            : new PortableCpuBackend(precision, threads, multipliesBFloat16, shape);
    }

    /// <summary>fp32: what logits are rounded to decides which of two likely tokens comes.</summary>
    public override ScalarType LogitsType => ScalarType.Float32;

    /// <inheritdoc/>
    public override IRowProduct NewRowProduct(Matrix weight, RowProductUse use, bool inEightBits) =>
        (Type, use) switch
        {
            (ScalarType.Float32, _) => New<Float32Element, Float32Element>(weight, use, inEightBits),
            (_, RowProductUse.Head) => New<BFloat16Element, Float32Element>(weight, use, inEightBits),
            _ => New<BFloat16Element, BFloat16Element>(weight, use, inEightBits),
        };

    /// <inheritdoc/>
    public override IOptimizer NewOptimizer(
        ReplicaState state, ParameterLayout trained, OptimizerOptions options, IWorkingParameters working) =>
        new CpuOptimizer(state, ParameterSegment.For(trained), options, working, Team);

    /// <inheritdoc/>
    public override GradientAccumulator NewGradientAccumulator(ParameterLayout trained) =>
        new HostGradientAccumulator(trained, memory, Type, Team);

    /// <summary>The norm in Core's fixed order, its blocks spread over the threads.</summary>
    /// <inheritdoc/>
    public override double GradientNorm(FlatBuffer? averages, long length)
    {
        ArgumentNullException.ThrowIfNull(averages);
        var sums = new double[NormBlocks.BlockCount(length)];
        Team.For(sums.Length, 1, (from, to) =>
        {
            var widened = new float[NormBlocks.BlockElements];
            for (var block = from; block < to; block++)
            {
                var start = (long)block * NormBlocks.BlockElements;
                var count = (int)Math.Min(NormBlocks.BlockElements, length - start);
                sums[block] = NormBlocks.SumOfSquares(Values(averages, start, count, widened));
            }
        });
        return NormBlocks.Norm(sums);
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
        // A processor is never behind.
    }

    /// <summary>
    /// What is not in eight bits is read in the precision's own type, whatever holds the activations.
    /// </summary>
    private IRowProduct New<TRow, TResult>(Matrix weight, RowProductUse use, bool inEightBits)
        where TRow : struct, IElement
        where TResult : struct, IElement
    {
        if (inEightBits)
        {
            var weights = weight.Tensor.dtype == ScalarType.Float32
                ? Int8Weights.Of<Float32Element>(weight, use, Team)
                : Int8Weights.Of<BFloat16Element>(weight, use, Team);
            return new Int8Product<TRow, TResult>(weights, integers, Team);
        }

        return Precision == Precision.BFloat16
            ? new RowProduct<TRow, BFloat16Element, TResult>(weight.As(ScalarType.BFloat16), use, wide, Team)
            : new RowProduct<TRow, Float32Element, TResult>(weight.As(ScalarType.Float32), use, wide, Team);
    }

    private static ReadOnlySpan<float> Values(FlatBuffer averages, long start, int count, float[] widened)
    {
        if (averages.ElementType == ElementType.Float32)
            return averages.Floats(start, count);
        VectorSum.Widen(averages.BFloat16Bits(start, count), widened.AsSpan(0, count));
        return widened.AsSpan(0, count);
    }

    /// <summary>Rounds elements of an fp32 tensor into a bf16 one.</summary>
    protected static void Round(FlatTensor from, FlatTensor into, long start, int count) =>
        Rounding.ToBFloat16(from.Buffer.Floats(start, count), into.Buffer.BFloat16Bits(start, count));
}

using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Training;

/// <summary>The constants of one step, rounded to fp32 where torch rounds them.</summary>
/// <param name="GradientScale">The clipping factor.</param>
/// <param name="Decay">1 less learning rate times weight decay.</param>
/// <param name="Beta1">Of the first moment.</param>
/// <param name="Beta2">Of the second moment.</param>
/// <param name="StepSize">The learning rate over the first bias correction.</param>
/// <param name="RootCorrection">The root of the second bias correction.</param>
/// <param name="Epsilon">Added to the root.</param>
internal readonly record struct OptimizerConstants(
    float GradientScale,
    float Decay,
    (float Keep, float Take) Beta1,
    (float Keep, float Take) Beta2,
    float StepSize,
    float RootCorrection,
    float Epsilon)
{
    /// <summary>Computes them in fp64, as <c>torch.optim.AdamW</c> does.</summary>
    public static OptimizerConstants For(OptimizerOptions options, long step, double learningRate, double scale) => new(
        (float)scale,
        (float)(1 - (learningRate * options.WeightDecay)),
        ((float)options.Beta1, (float)(1 - options.Beta1)),
        ((float)options.Beta2, (float)(1 - options.Beta2)),
        options.Kind == OptimizerKind.Sgd
            ? (float)learningRate
            : (float)(learningRate / (1 - Math.Pow(options.Beta1, step))),
        (float)Math.Sqrt(1 - Math.Pow(options.Beta2, step)),
        (float)options.Epsilon);
}

/// <summary>
/// AdamW (Loshchilov and Hutter 2019; the order of operations is that of <c>torch.optim.AdamW</c>) and plain SGD, in
/// one pass over the buffers. Element by element, so threads and vectors do not change a bit.
/// </summary>
internal sealed unsafe class CpuOptimizer(
    ReplicaState state,
    ParameterSegment[] segments,
    OptimizerOptions options,
    IWorkingParameters working,
    ThreadTeam team)
    : IOptimizer
{
    /// <inheritdoc/>
    public void Apply(FlatBuffer? averages, long step, double learningRate, double scale)
    {
        ArgumentNullException.ThrowIfNull(averages);
        var constants = OptimizerConstants.For(options, step, learningRate, scale);
        team.For(segments.Length, 1, (from, to) =>
        {
            for (var index = from; index < to; index++)
            {
                var segment = segments[index];
                Update(segment, averages, constants);
                working.Refresh(segment.Start, segment.Count);
            }
        });
    }

    private void Update(ParameterSegment segment, FlatBuffer averages, in OptimizerConstants constants)
    {
        var isNarrow = averages.ElementType == ElementType.BFloat16;
        var gradient = (byte*)averages.Pointer + (segment.Start * (isNarrow ? sizeof(ushort) : sizeof(float)));
        switch (options.Kind, isNarrow, segment.Count % 8 == 0)
        {
            case (OptimizerKind.Sgd, false, _):
                Descend<Float32Element>(segment, gradient, constants);
                break;
            case (OptimizerKind.Sgd, true, _):
                Descend<BFloat16Element>(segment, gradient, constants);
                break;
            case (_, false, true):
                UpdateAdam<Float32Element, Float32Element>(segment, gradient, constants);
                break;
            case (_, false, false):
                UpdateAdam<AnyLength<Float32Element>, AnyLength<Float32Element>>(segment, gradient, constants);
                break;
            case (_, true, true):
                UpdateAdam<Float32Element, BFloat16Element>(segment, gradient, constants);
                break;
            default:
                UpdateAdam<AnyLength<Float32Element>, AnyLength<BFloat16Element>>(segment, gradient, constants);
                break;
        }
    }

    private void UpdateAdam<T, TGradient>(ParameterSegment segment, byte* gradient, in OptimizerConstants c)
        where T : struct, IElement
        where TGradient : struct, IElement
    {
        var parameters = (float*)state.Parameters.Buffer.Pointer + segment.Start;
        var first = (float*)state.FirstMoments!.Buffer.Pointer + segment.Start;
        var second = (float*)state.SecondMoments!.Buffer.Pointer + segment.Start;
        var (count, decay) = (segment.Count, segment.Decays ? c.Decay : 1);
        for (var i = 0; i < count; i += 8)
        {
            var g = TGradient.Load(gradient, i, count) * c.GradientScale;
            var m = (Load<T>(first, i, count) * c.Beta1.Keep) + (g * c.Beta1.Take);
            var v = (Load<T>(second, i, count) * c.Beta2.Keep) + (g * c.Beta2.Take * g);
            var root = (Vector256.Sqrt(v) / Vector256.Create(c.RootCorrection)) + Vector256.Create(c.Epsilon);
            var p = (Load<T>(parameters, i, count) * decay) - (m * c.StepSize / root);
            Store<T>(first, i, count, m);
            Store<T>(second, i, count, v);
            Store<T>(parameters, i, count, p);
        }
    }

    private void Descend<TGradient>(ParameterSegment segment, byte* gradient, in OptimizerConstants c)
        where TGradient : struct, IElement
    {
        var parameters = (float*)state.Parameters.Buffer.Pointer + segment.Start;
        var decay = segment.Decays ? c.Decay : 1;
        for (var i = 0; i < segment.Count; i++)
            parameters[i] = (parameters[i] * decay) - (TGradient.Read(gradient, i) * c.GradientScale * c.StepSize);
    }

    private static Vector256<float> Load<T>(float* from, int index, int count)
        where T : struct, IElement => T.Load((byte*)from, index, count);

    private static void Store<T>(float* into, int index, int count, Vector256<float> values)
        where T : struct, IElement => T.Store((byte*)into, index, count, values);
}

using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Windows;
using Gpt2Cluster.Simulator.Clock;

namespace Gpt2Cluster.Simulator.Oracle;

/// <summary>
/// What stands for a network and its text: gradients of a few elements that depend on every window and every
/// parameter, so that a window too many, a sum in another order or a stale parameter changes the bits.
/// </summary>
internal sealed class TrainingModel
{
    private readonly WindowOrder order;
    private readonly ulong[] windowsOf;

    /// <summary>The model of a run.</summary>
    /// <param name="specification">What is trained.</param>
    /// <param name="elementCount">Parameters.</param>
    /// <param name="culprit">The micro-batch whose gradient is not finite; null for none.</param>
    public TrainingModel(RunSpecification specification, int elementCount, (long Step, int Leaf)? culprit)
    {
        Specification = specification;
        ElementCount = elementCount;
        Culprit = culprit;
        order = specification.WindowOrder();
        windowsOf = new ulong[specification.Steps * specification.MicroBatchCount];
    }

    /// <summary>What is trained.</summary>
    public RunSpecification Specification { get; }

    /// <summary>Parameters.</summary>
    public int ElementCount { get; }

    /// <summary>The micro-batch whose gradient is not finite; null for none.</summary>
    public (long Step, int Leaf)? Culprit { get; }

    /// <summary>A fresh parameter.</summary>
    public float Initial(int element) => Unit(Chance.Mix(Specification.Seed + (ulong)element));

    /// <summary>The gradient of a micro-batch.</summary>
    public void Gradient(long step, int leaf, float[] parameters, float[] into)
    {
        var key = WindowsOf(step, leaf);
        for (var element = 0; element < into.Length; element++)
            into[element] = Unit(Chance.Mix(key + (ulong)element)) - (parameters[element] * 0.37f);
        if (Culprit == (step, leaf))
            into[^1] = float.NaN;
    }

    /// <summary>The loss of a micro-batch.</summary>
    public double Loss(long step, int leaf, float[] parameters) => Culprit == (step, leaf)
        ? double.NaN
        : 3.0 + Unit(Chance.Mix(WindowsOf(step, leaf) ^ 0xABCD)) + (0.1 * parameters[0]);

    /// <summary>The summed loss of a validation window.</summary>
    public double ValidationLoss(long window, float[] parameters) =>
        2.0 + Unit(Chance.Mix((ulong)window * 77)) + (parameters[(int)(window % ElementCount)] * 0.5);

    /// <summary>One update with the averaged gradient.</summary>
    public static void Update(
        Span<float> parameters, Span<float> first, Span<float> second, ReadOnlySpan<float> averages, double rate)
    {
        for (var element = 0; element < parameters.Length; element++)
        {
            var gradient = averages[element];
            first[element] = (0.9f * first[element]) + (0.1f * gradient);
            second[element] = (0.99f * second[element]) + (0.01f * (gradient * gradient));
            parameters[element] -= (float)rate * (first[element] / (MathF.Sqrt(second[element]) + 1e-3f));
        }
    }

    /// <summary>The norm of an averaged gradient.</summary>
    public static double Norm(ReadOnlySpan<float> averages) =>
        NormBlocks.Norm([NormBlocks.SumOfSquares(averages)]);

    /// <summary>A number that stands for the windows of a micro-batch, in their order.</summary>
    private ulong WindowsOf(long step, int leaf)
    {
        ref var known = ref windowsOf[((step - 1) * Specification.MicroBatchCount) + leaf];
        if (known != 0)
            return known;
        foreach (var window in order.MicroBatch(step, leaf))
            known = Chance.Mix((known * 31) + (ulong)window.Window + 1);
        return known |= 1;
    }

    private static float Unit(ulong bits) => ((bits >> 40) * (2.0f / (1 << 24))) - 1.0f;
}

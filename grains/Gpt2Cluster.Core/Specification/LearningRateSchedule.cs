namespace Gpt2Cluster.Core.Specification;

/// <summary>How the learning rate falls after the warm-up.</summary>
public enum ScheduleKind
{
    /// <summary>Not at all.</summary>
    Constant,

    /// <summary>In a straight line that would reach 0 one step after the last.</summary>
    Linear,

    /// <summary>
    /// Along half a cosine to a tenth, reached at the last step (Loshchilov and Hutter 2017, one cycle).
    /// </summary>
    Cosine,
}

/// <summary>
/// The learning rate of every step. With <c>w</c> warm-up steps of <c>N</c> in all, peak <c>a</c> and step <c>s</c>
/// from 1:
/// <c>a s / w</c> up to <c>s = w</c>; then, with <c>k = max(w, 1)</c>,
/// constant <c>a</c>; linear <c>a (1 - (s - k) / (N - k + 1))</c>;
/// cosine <c>a (0.1 + 0.45 (1 + cos(pi (s - k) / (N - k))))</c>.
/// </summary>
/// <param name="Kind">The shape after the warm-up.</param>
/// <param name="Peak">The highest rate, above 0.</param>
/// <param name="WarmupSteps">Steps of linear rise, 0 to the number of steps.</param>
public sealed record LearningRateSchedule(ScheduleKind Kind, double Peak, long WarmupSteps) : StoredRecord
{
    /// <summary>What the cosine ends at, as a share of the peak.</summary>
    public const double FinalShare = 0.1;

    /// <summary>The warm-up when nothing is said: 5 % of the steps, rounded up.</summary>
    public static long DefaultWarmup(long steps) => (steps / 20) + (steps % 20 > 0 ? 1 : 0);

    /// <summary>The learning rate of one step.</summary>
    /// <param name="step">1 to <paramref name="steps"/>.</param>
    /// <param name="steps">Steps in all.</param>
    public double At(long step, long steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(step, steps);
        if (step < WarmupSteps)
            return Peak * step / WarmupSteps;
        var peakStep = Math.Max(WarmupSteps, 1);
        return Kind switch
        {
            ScheduleKind.Constant => Peak,
            ScheduleKind.Linear => Peak * (steps + 1 - step) / (steps + 1 - peakStep),
            _ => Peak * Fall(step - peakStep, steps - peakStep),
        };
    }

    private static double Fall(long done, long length) =>
        length == 0 ? 1 : FinalShare + ((1 - FinalShare) / 2 * (1 + CosineOfPi((double)done / length)));

    // The C library's cosine may differ in its last bit between machines, and the state hash must not depend on which
    // one
    // plans. Taylor's series of -sin(pi (x - 1/2)) needs only additions and products, and is exact to fp64 for 0 = x =
    // 1.
    private static double CosineOfPi(double x)
    {
        var angle = Math.PI * (x - 0.5);
        var (term, sum) = (angle, angle);
        for (var n = 3; n <= 27; n += 2)
        {
            term *= -angle * angle / (n * (n - 1));
            sum += term;
        }

        return -sum;
    }
}

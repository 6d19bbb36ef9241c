namespace Gpt2Cluster.Core.Runs.State;

/// <summary>What one committed step took.</summary>
/// <param name="Duration">From the plan to the last report.</param>
/// <param name="Exposed">
/// From the end of the slowest worker's compute to the last average: what a faster worker waits for a slower one is no
/// part of it.
/// </param>
/// <param name="Update">The longest that a worker took for norm and update.</param>
/// <param name="Other">What is left of the duration.</param>
/// <param name="SentBytes">Payload bytes between silos.</param>
/// <param name="OverlappedBytes">Those of them that were sent before their silo's compute was done.</param>
public readonly record struct MeasuredStep(
    TimeSpan Duration, TimeSpan Exposed, TimeSpan Update, TimeSpan Other, long SentBytes, long OverlappedBytes)
{
    /// <summary>The step that its workers' reports describe.</summary>
    /// <param name="duration">From the plan to the last report.</param>
    /// <param name="reports">One of each worker.</param>
    public static MeasuredStep Of(TimeSpan duration, IReadOnlyCollection<StepReported> reports)
    {
        var computed = reports.Max(report => report.Compute);
        var averaged = reports.Max(report => report.Compute + report.ExposedExchange);
        var update = reports.Max(report => report.Update) ?? TimeSpan.Zero;
        var other = duration - averaged - update;
        return new MeasuredStep(
            duration,
            averaged - computed,
            update,
            other > TimeSpan.Zero ? other : TimeSpan.Zero,
            reports.Sum(report => report.SentBytes),
            reports.Sum(report => report.OverlappedBytes));
    }
}

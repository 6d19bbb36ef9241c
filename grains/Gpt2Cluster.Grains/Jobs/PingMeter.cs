using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.Grains.Jobs;

/// <summary>
/// Times small calls to another silo, one after the other, while something else keeps both busy, until it is disposed
/// of.
/// </summary>
internal sealed class PingMeter : IDisposable
{
    /// <summary>Between two calls.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(5);

    /// <summary>Calls that are not counted: the first ones open connections and activate the grain.</summary>
    public const int WarmUpCount = 20;

    private readonly CancellationTokenSource end = new();
    private readonly List<TimeSpan> times = [];
    private readonly Task measuring;

    private PingMeter(Func<Task> ping, TimeProvider time) => measuring = Measure(ping, time);

    /// <summary>Begins.</summary>
    /// <param name="ping">The call.</param>
    /// <param name="time">What it is timed with.</param>
    public static PingMeter Start(Func<Task> ping, TimeProvider time) => new(ping, time);

    /// <summary>
    /// How long the calls took, shortest first, once they have ended; empty if the time was too short for the warm-up.
    /// </summary>
    public IReadOnlyList<TimeSpan> Times => [.. times.Skip(WarmUpCount).Order()];

    /// <summary>The time that a share of the calls did not exceed (nearest rank); zero if there were none.</summary>
    /// <param name="ordered"><see cref="Times"/>.</param>
    /// <param name="share">Above 0, at most 1.</param>
    public static TimeSpan Percentile(IReadOnlyList<TimeSpan> ordered, double share) =>
        ordered.Count == 0 ? TimeSpan.Zero : ordered[(int)Math.Ceiling(share * ordered.Count) - 1];

    /// <summary>Ends the calls; waits for the one under way.</summary>
    public void Dispose()
    {
        end.Cancel();
        measuring.WaitHere();
        end.Dispose();
    }

    private async Task Measure(Func<Task> ping, TimeProvider time)
    {
        using var timer = new PeriodicTimer(Period, time);
        try
        {
            while (await timer.WaitForNextTickAsync(end.Token).ConfigureAwait(false))
            {
                var began = time.GetTimestamp();
                await ping().ConfigureAwait(false);
                times.Add(time.GetElapsedTime(began));
            }
        }
        catch (OperationCanceledException)
        {
            // That is the end.
        }
    }
}

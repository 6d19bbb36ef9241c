namespace Gpt2Cluster.Grains.Jobs;

/// <summary>
/// Times small calls to another silo, one after the other, while something else keeps both busy.
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

    /// <summary>Ends the calls.</summary>
    /// <returns>How long the calls took, shortest first; empty if the time was too short for the warm-up.</returns>
    public IReadOnlyList<TimeSpan> Stop()
    {
        end.Cancel();
        measuring.GetAwaiter().GetResult();
        return [.. times.Skip(WarmUpCount).Order()];
    }

    /// <summary>The time that a share of the calls did not exceed (nearest rank); zero if there were none.</summary>
    /// <param name="ordered">What <see cref="Stop"/> gave.</param>
    /// <param name="share">Above 0, at most 1.</param>
    public static TimeSpan Percentile(IReadOnlyList<TimeSpan> ordered, double share) =>
        ordered.Count == 0 ? TimeSpan.Zero : ordered[(int)Math.Ceiling(share * ordered.Count) - 1];

    /// <inheritdoc/>
    public void Dispose()
    {
        end.Cancel();
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
            // Stop has been called.
        }
    }
}

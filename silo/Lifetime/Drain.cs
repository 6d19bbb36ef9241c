using Gpt2Cluster.Grains.Runs;
using Gpt2Cluster.Grains.Workers;
using Gpt2Cluster.Silo.Membership;
using Gpt2Cluster.Silo.Settings;

namespace Gpt2Cluster.Silo.Lifetime;

/// <summary>
/// Before a silo stops its workers finish their steps and leave their runs, which go on without them and compute
/// nothing twice; then the coordinators that live on it come to a step boundary, and others take over elsewhere.
/// </summary>
public sealed partial class Drain(
    Registration registration,
    WorkerSlots desks,
    LocalCoordinators coordinators,
    SiloSettings settings,
    TimeProvider time,
    ILogger<Drain> logger)
{
    /// <summary>
    /// Workers have this long to finish a step and hand over what only they hold. After that the silo stops all the
    /// same, and to their runs they are as good as killed. <c>deploy/</c> gives a silo longer than this to stop.
    /// </summary>
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    /// <summary>
    /// A worker that was given to a run, but serves it not yet, leaves without a sound: the cluster is asked again.
    /// </summary>
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(0.5);

    /// <summary>Lets workers and coordinators leave; ends when they have, or after <see cref="Bound"/>.</summary>
    /// <param name="hurry">Ends it at once.</param>
    public async Task Run(CancellationToken hurry)
    {
        LogBegins(Bound.TotalSeconds);
        if (settings.Store.IsEmbedded)
            LogStore();
        var began = time.GetTimestamp();
        using var deadline = new CancellationTokenSource(Bound, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, hurry);
        try
        {
            await WorkersLeave(either.Token);
            await coordinators.Leave().WaitAsync(either.Token);
            LogDone(time.GetElapsedTime(began).TotalSeconds);
        }
        catch (OperationCanceledException)
        {
            LogCutShort();
        }
    }

    private async Task WorkersLeave(CancellationToken cancellation)
    {
        for (var next = desks.NextLeave(); !await IsDone().WaitAsync(cancellation); next = desks.NextLeave())
        {
            await Task.WhenAny(next, Task.Delay(AskAgain, time, cancellation));
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>A cluster that does not answer is waited for only while somebody serves a run.</summary>
    private async Task<bool> IsDone() => await registration.SayThatItStops() is null or 0 && desks.ServeNobody;

    [LoggerMessage(LogLevel.Information,
        "This silo is to stop: its workers finish their steps and leave their runs, within {Seconds} s. A second "
        + "signal stops it at once.")]
    private partial void LogBegins(double seconds);

    [LoggerMessage(LogLevel.Warning,
        "The store goes with this silo: runs that other silos serve wait until it is back.")]
    private partial void LogStore();

    [LoggerMessage(LogLevel.Information,
        "No worker serves a run any more and no coordinator acts here, after {Seconds:0.0} s.")]
    private partial void LogDone(double seconds);

    [LoggerMessage(LogLevel.Warning,
        "The silo stops while its workers serve runs, or coordinators are in the middle of a step.")]
    private partial void LogCutShort();
}

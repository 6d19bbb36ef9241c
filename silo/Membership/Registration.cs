using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Retries;

namespace Gpt2Cluster.Silo.Membership;

/// <summary>
/// Introduces the silo and its workers to the cluster, again and again, and at once when the membership has changed:
/// the list of silos may have died with a silo, and is begun anew. Says when it is to stop, and
/// goodbye at the end.
/// </summary>
public sealed partial class Registration(
    IGrainFactory grains,
    IClusterMembershipService membership,
    OwnDescription own,
    SiloState state,
    ReadyFile readyFile,
    TimeProvider time,
    ILogger<Registration> logger)
    : BackgroundService
{
    /// <summary>Time between two introductions.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Time to the next attempt after one that failed. An introduction is a heartbeat: it is repeated for ever, failed
    /// or not, and a bound would end it; so it has no policy, but is counted like those that have.
    /// </summary>
    private static readonly TimeSpan RetryPeriod = TimeSpan.FromSeconds(0.25);

    /// <summary>
    /// Another silo that has this one's name for longer than a dead one is taken for a living one, lives.
    /// </summary>
    private static readonly TimeSpan NameTakenBound = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan GoodbyeBound = TimeSpan.FromSeconds(2);

    private volatile bool isLeaving;
    private long? nameTakenAt;

    private ICluster Cluster => grains.Cluster();

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        state.IsReady = false;
        try
        {
            await Cluster.Leave(own.Name, own.Incarnation).WaitAsync(GoodbyeBound, time, cancellationToken);
        }
        catch (Exception problem) when (TransientErrors.Is(problem) || problem is OperationCanceledException)
        {
            LogNoGoodbye(problem.Message);
        }
    }

    /// <summary>Says that this silo is to stop: its workers leave their runs, and get no others.</summary>
    /// <returns>How many of its workers are given to runs; null if the cluster does not answer.</returns>
    public Task<int?> SayThatItStops()
    {
        isLeaving = true;
        return Introduce();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await using var changes = membership.MembershipUpdates.GetAsyncEnumerator(stoppingToken);
        var change = changes.MoveNextAsync().AsTask();
        while (true)
        {
            await Introduce();
            await Task.WhenAny(change, Task.Delay(state.IsReady ? Period : RetryPeriod, time, stoppingToken));
            stoppingToken.ThrowIfCancellationRequested();
            if (!change.IsCompleted)
                continue;
            if (!await change)
                return;
            change = changes.MoveNextAsync().AsTask();
        }
    }

    private async Task<int?> Introduce()
    {
        try
        {
            var description = own.Describe(isLeaving);
            var answer = await Cluster.Register(description);
            if (answer.NameTakenBy is { } other)
            {
                WaitForName(other);
                return null;
            }

            nameTakenAt = null;
            if (!state.IsReady && !description.IsLeaving)
            {
                LogReady(own.Name, description.Workers.Length);
                if (description.DeviceNotice is { } notice)
                    LogDeviceNotice(notice);
                readyFile.Write();
            }

            state.IsReady = !description.IsLeaving;
            return answer.GivenWorkers;
        }
        catch (Exception problem)
        {
            // Nothing that happens to an introduction is a reason to end what trains here: not a full disk, seen while
            // the ready file is written, and not an exception of the store's that came from another silo.
            state.IsReady = false;
            RetryPolicy.Count("registration");
            LogNotRegistered(problem.Message);
            return null;
        }
    }

    /// <summary>A silo that was killed has its name until it is declared dead; one that lives keeps it.</summary>
    private void WaitForName(string other)
    {
        state.IsReady = false;
        if (nameTakenAt is null)
            LogNameTaken(other, own.Name);
        nameTakenAt ??= time.GetTimestamp();
        if (time.GetElapsedTime(nameTakenAt.Value) < NameTakenBound)
            return;
        state.Stop(new UserErrorException(
            $"Another silo named {own.Name} is in the cluster, at {other}; give this one a name of its own with "
            + "--name."));
    }

    [LoggerMessage(LogLevel.Information, "Silo {Silo} is in the cluster with {Workers} workers.")]
    private partial void LogReady(SiloName silo, int workers);

    [LoggerMessage(LogLevel.Warning, "{Notice}")]
    private partial void LogDeviceNotice(string notice);

    [LoggerMessage(LogLevel.Warning, "The silo at {Other} has the name {Silo} too; this one waits for its end.")]
    private partial void LogNameTaken(string other, SiloName silo);

    [LoggerMessage(LogLevel.Warning, "This silo could not register with the cluster and tries again: {Reason}")]
    private partial void LogNotRegistered(string reason);

    [LoggerMessage(LogLevel.Information, "The cluster was not told that this silo leaves: {Reason}")]
    private partial void LogNoGoodbye(string reason);
}

using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Metrics;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Grains.Placement;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>
/// Carries out what the run machine decides. Only storing the record is waited for; every other command is sent, and
/// what comes of it is heard later. A worker that cannot be reached is reported as lost.
/// </summary>
internal sealed partial class RunExecutor(
    string run,
    IGrainFactory grains,
    RunRecordStore records,
    RunEventFeed feed,
    RunMetrics metrics,
    Func<CoordinatorInput, Task> hear,
    ILogger logger)
{
    private readonly Dictionary<string, (int Generation, Task Sent)> lastSent = new(StringComparer.Ordinal);
    private ClusterView cluster = new() { Silos = [] };
    private long elementCount;

    /// <summary>The silos of the cluster, as they were when workers were looked for last.</summary>
    public IReadOnlyList<SiloDescription> Silos => cluster.Silos;

    /// <summary>Takes the run up.</summary>
    public void Begin(RunRecord record)
    {
        elementCount = record.Specification.Parameters().Trained.Length;
        metrics.Begin(run, record.Specification.Steps);
    }

    /// <summary>Acts no more on this silo.</summary>
    public void End() => metrics.Leave(run);

    /// <summary>
    /// The workers the cluster assigns to the run now; null while the cluster does not know its silos yet.
    /// </summary>
    public async Task<WorkersOffered?> LookForWorkers(RunRecord record)
    {
        var devices = RunDefaults.DemandOf(record);
        var view = await grains.Cluster().Describe();
        if (!view.IsComplete)
            return null;
        cluster = view;
        var offered = from silo in cluster.Silos
                      from worker in silo.Workers.OrderBy(worker => worker.DeviceIndex)
                      where worker.Run == run && devices.Takes(worker.Kind, worker.Class)
                      select new OfferedWorker(worker.Key, silo.Name, silo.Incarnation) { Leaving = worker.Leaving };
        var all = cluster.Silos.Where(silo => !silo.IsLeaving).SelectMany(silo => silo.Workers).ToList();
        var workers = all.FindAll(worker => devices.Takes(worker.Kind, worker.Class));
        var others = from worker in workers
                     where worker.Run is not null && worker.Run != run
                     group worker by worker.Run into share
                     orderby share.Key
                     select new RunShare(share.Key, share.Count());
        return new WorkersOffered([.. offered], workers.Count, [.. others])
        {
            OtherDeviceCount = all.Count - workers.Count,
            Disks = [.. cluster.Silos.Select(silo => new SiloDisk(silo.Name, silo.DataFolderId, silo.IsLeaving))],
        };
    }

    /// <summary>
    /// The class of devices that is to serve a run which has none yet; null while no class has enough workers.
    /// </summary>
    public async Task<DevicesChosen?> ChooseDevices(RunRecord record) =>
        RunDefaults.Choose(record.Specification, await grains.Cluster().Describe());

    /// <summary>Tells the cluster how the run stands.</summary>
    public Task TellCluster(RunState state)
    {
        var workers = state.Record.Specification.Workers;
        if (!state.Record.IsAtRest)
            metrics.Membership(run, state.Record.Generation, ServingCount(state));
        return grains.Cluster().RunChanged(
            RunDescriptions.Summary(state, records),
            workers.Min,
            workers.Max ?? int.MaxValue,
            [
                .. state.Exclusions.Unfit.Select(worker => new RefusedWorker(worker.Subject, worker.Incarnation))
                    .OrderBy(worker => worker.Key, StringComparer.Ordinal)
                    .ThenBy(worker => worker.Incarnation, StringComparer.Ordinal),
            ]);
    }

    /// <summary>
    /// Does commands in their order. A record is stored with the events it brings: those that follow it, up to the
    /// next record.
    /// </summary>
    public async Task Do(IReadOnlyList<RunCommand> commands, RunState state)
    {
        for (var index = 0; index < commands.Count; index++)
        {
            if (commands[index] is PersistRecord persist)
            {
                var following = commands.Skip(index + 1).TakeWhile(command => command is not PersistRecord);
                var events = following.Select(command => EventOf(command, state)).OfType<RunEvent>();
                FaultPoints.Reach(FaultPoint.Committing, persist.Record.CommittedStep);
                await records.Write(persist.Record, events, records.SubmittedAt);
                FaultPoints.Reach(FaultPoint.Committed, persist.Record.CommittedStep);
            }
            else
            {
                await Do(commands[index], state);
            }
        }
    }

    /// <summary>What is left of commands when nobody is to be given work any more.</summary>
    public static IReadOnlyList<RunCommand> WithoutOrders(IEnumerable<RunCommand> commands) =>
    [
        .. commands.Where(command => command is not
            (PrepareReplica or ConfigureExchange or PlanStep or Validate or Sample or WriteCheckpoint
                or CopyCheckpoint)),
    ];

    private async Task Do(RunCommand command, RunState state)
    {
        switch (command)
        {
            case PrepareReplica prepare:
                Prepare(prepare, state);
                break;
            case ConfigureExchange configure:
                Configure(configure, state).Ignore();
                break;
            case PlanStep plan:
                FaultPoints.Reach(FaultPoint.Planning, plan.Step);
                Send(plan.Worker, plan.Generation, worker => worker.Plan(run, plan));
                break;
            case Validate validate:
                Send(validate.Worker, validate.Generation, worker => worker.Validate(run, validate));
                break;
            case Sample sample:
                Send(sample.Worker, sample.Generation, worker => worker.Sample(run, sample));
                break;
            case WriteCheckpoint write:
                Send(write.Worker, write.Generation, worker => worker.Checkpoint(state.Record, write));
                break;
            case CopyCheckpoint copy:
                Copy(copy, state.Record).Ignore();
                break;
            case DeleteCheckpoints delete:
                Delete(delete, state.Record.Lives).Ignore();
                break;
            case ForgetRun forget:
                await records.Forget(forget.DeletedLives);
                break;
            case Publish publish:
                Observe(publish.Notice);
                feed.Publish(EventOf(publish, state)!);
                break;
            case ReleaseWorkers release:
                Release(release, state).Ignore();
                break;
            case Finish finish:
                feed.Publish(EventOf(finish, state)!);
                await feed.Flush();
                metrics.End(run);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(command), command, "Unknown command.");
        }
    }

    private void Prepare(PrepareReplica prepare, RunState state)
    {
        var record = state.Record;
        var checkpoint = prepare.Source == ReplicaSource.Checkpoint
            ? record.Checkpoints.FirstOrDefault(entry => entry.Step == prepare.Step)
            : null;
        var silo = GrainKeys.SiloOf(prepare.Worker);
        var isFirstOfItsSilo = state.Members.Find(member => member.Silo == silo)?.Key == prepare.Worker;
        Send(prepare.Worker, prepare.Generation, worker =>
            worker.Prepare(record.Specification, prepare, checkpoint, reportsExchange: isFirstOfItsSilo));
    }

    /// <summary>
    /// Sends behind what was sent to this worker before, without waiting; a worker that cannot be reached or refuses is
    /// lost. Orders must not overtake each other: a checkpoint is of the step before the next plan. Those of an older
    /// generation would be refused, so nothing waits for a call of one that hangs.
    /// </summary>
    private void Send(string worker, int generation, Func<IWorker, Task<bool>> order)
    {
        var (lastGeneration, sent) = lastSent.GetValueOrDefault(worker);
        var before = lastGeneration == generation ? sent ?? Task.CompletedTask : Task.CompletedTask;
        lastSent[worker] = (generation, SendAndWatch());

        async Task SendAndWatch()
        {
            await before;
            try
            {
                if (!await order(grains.Worker(worker)))
                    await hear(new WorkerLost(worker, generation, "it does not serve this generation"));
            }
            catch (Exception exception)
            {
                LogUnreachable(exception, worker, run);
                await hear(new WorkerLost(worker, generation, "it cannot be reached", IsOutOfReach: true));
            }
        }
    }

    /// <summary>A coordinator that found its run at rest has not looked for silos yet.</summary>
    private async Task Delete(DeleteCheckpoints delete, IEnumerable<string> lives)
    {
        if (cluster.Silos.Length == 0)
            cluster = await grains.Cluster().Describe();
        foreach (var silo in cluster.Silos)
        {
            grains.Store(silo.Name)
                .DeleteCheckpoints(run, [.. delete.Kept], [.. lives]).Ignore();
        }
    }

    /// <summary>The copy goes on for as long as it takes; what comes of it is heard.</summary>
    private async Task Copy(CopyCheckpoint copy, RunRecord record)
    {
        string? problem;
        var hash = record.Checkpoints.FirstOrDefault(entry => entry.Step == copy.Step)?.StateHash;
        try
        {
            var store = grains.Store(copy.Silo);
            var folder = CheckpointStore.RelativeFolderOf(run, copy.Step);
            var answer = await store.BringAll(folder, copy.From, hash, [.. record.DeletedLives]);
            problem = answer.Outcome switch
            {
                CopyOutcome.IsHere => null,
                CopyOutcome.IsNotThere => $"silo {copy.From} does not have it",
                _ => answer.Reason?.TrimEnd('.') ?? "nobody says why",
            };
        }
        catch (Exception exception)
        {
            LogUnreachable(exception, copy.Silo, run);
            problem = Outage.Words(exception, copy.Silo);
        }

        await hear(problem is null
            ? new CheckpointCopied(copy.Silo, copy.Step, copy.DataFolderId)
            : new CheckpointNotCopied(copy.Silo, copy.Step, problem));
    }

    /// <summary>
    /// The cluster hears first of those that were to leave: a silo that is to stop ends once it serves nobody, and a
    /// run that gets one may have it at once.
    /// </summary>
    private async Task Release(ReleaseWorkers release, RunState state)
    {
        var leaving = state.Cluster.Offered.Where(worker => worker.Leaving is not null).Select(worker => worker.Key);
        string[] awaited = [.. release.Workers.Intersect(leaving)];
        try
        {
            if (awaited.Length > 0)
                await grains.Cluster().WorkersReleased(run, awaited);
        }
        catch (Exception exception)
        {
            // While the cluster offers them they are let go again and again.
            LogUnreachable(exception, "the cluster's list", run);
        }

        foreach (var worker in release.Workers)
            grains.Worker(worker).Release(run, release.Generation).Ignore();
        // Other devices of the silo may still serve the run.
        var silos = release.Workers.Select(GrainKeys.SiloOf).Distinct();
        foreach (var silo in silos.Except(state.Members.Select(member => member.Silo)))
            grains.Reducer(silo, run).Close(run, release.Generation).Ignore();
    }

    private async Task Configure(ConfigureExchange configure, RunState state)
    {
        try
        {
            var isTaken = await grains.Reducer(configure.Silo, run).Configure(
                run, configure.Generation, configure.LeafCount, elementCount, AddressesOf(configure.Silos));
            if (isTaken)
                await hear(new ExchangeReady(configure.Silo, configure.Generation));
            else
                await Lose("it does not serve this generation", isOutOfReach: false);
        }
        catch (Exception exception)
        {
            LogUnreachable(exception, configure.Silo, run);
            await Lose($"{configure.Silo} cannot be reached", isOutOfReach: true);
        }

        async Task Lose(string reason, bool isOutOfReach)
        {
            foreach (var member in state.Members.Where(member => member.Silo == configure.Silo))
                await hear(new WorkerLost(member.Key, configure.Generation, reason, isOutOfReach));
        }
    }

    private ExchangeMember[] AddressesOf(IEnumerable<string> silos) =>
    [
        .. silos.Select(name => cluster.Silos.FirstOrDefault(silo => silo.Name == name)
                ?? throw new InvalidOperationException($"Silo {name} has not introduced itself to the cluster."))
            .Select(silo => new ExchangeMember(silo.Name, silo.StripeHost, silo.StripePort)),
    ];

    /// <summary>A run that waits for enough workers is served by none of those it has.</summary>
    private static int ServingCount(RunState state) => state.Phase is RunPhase.Waiting ? 0 : state.Members.Count;

    private RunEvent? EventOf(RunCommand command, RunState state) => command switch
    {
        Publish publish => RunNotices.ToEvent(publish.Notice, run),
        Finish finish => RunNotices.ToEvent(finish, state.Record),
        _ => null,
    };

    private void Observe(RunNotice notice)
    {
        switch (notice)
        {
            case StepCommitted step:
                metrics.Step(run, step);
                break;
            case ValidationDone validation:
                metrics.Validation(run, validation.Loss);
                break;
            case CheckpointPublished:
                metrics.Checkpoint(run);
                break;
            default:
                break;
        }
    }

    [LoggerMessage(311, LogLevel.Warning, "{Worker} of run {Run} cannot be reached.")]
    private partial void LogUnreachable(Exception exception, string worker, string run);
}

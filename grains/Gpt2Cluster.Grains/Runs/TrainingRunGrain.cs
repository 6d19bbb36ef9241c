using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Metrics;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>
/// The coordinator of one run. It hears, decides and does: <see cref="RunMachine"/> decides, <see cref="RunExecutor"/>
/// does; what is heard waits in one queue, so that decisions follow one another.
/// </summary>
[KeepAlive]
internal sealed partial class TrainingRunGrain : Grain, ITrainingRun
{
    private static readonly TimeSpan TickPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WatchPatience = TimeSpan.FromSeconds(2);

    private readonly TimeProvider time;
    private readonly ILogger<TrainingRunGrain> logger;
    private readonly LocalCoordinators coordinators;
    private readonly RunOptions options;
    private readonly RunEventFeed feed;
    private readonly RunRecordStore records;
    private readonly RunExecutor executor;
    private readonly IRunEventStore eventStore;
    private readonly RunInbox inbox;
    private readonly CheckpointSearch search;
    private readonly long activatedAt;
    private bool isOver;
    private RunState? state;
    private bool isWorking;
    private bool isOffering;
    private RunStatus? restTold;

    public TrainingRunGrain(
        [PersistentState("run", "runs")] IPersistentState<StoredRun> stored,
        IRunEventStore eventStore,
        RunMetrics metrics,
        LocalCoordinators coordinators,
        RunOptions options,
        TimeProvider time,
        ILogger<TrainingRunGrain> logger)
    {
        inbox = new RunInbox(Name);
        search = new CheckpointSearch(GrainFactory, time, logger);
        this.coordinators = coordinators;
        this.options = options;
        this.eventStore = eventStore;
        this.time = time;
        this.logger = logger;
        activatedAt = time.GetTimestamp();
        var writes = StoreWrites.Policy(Name, () => isOver, time, logger);
        feed = new RunEventFeed(eventStore, Name, writes);
        records = new RunRecordStore(stored, feed, writes);
        executor = new RunExecutor(Name, GrainFactory, records, feed, metrics, Handle, logger);
    }

    private RunName Name => RunName.Parse(this.GetPrimaryKeyString());

    /// <inheritdoc/>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        coordinators.Entered(Name);
        try
        {
            await records.Recover();
            this.RegisterGrainTimer(Tick, new GrainTimerCreationOptions(TickPeriod, TickPeriod) { Interleave = true });
            if (records.Read() is { } record)
            {
                await Begin(record);
                HoldBaseAgain(record).Ignore();
            }
        }
        catch
        {
            // Orleans does not deactivate what it could not activate.
            Leave();
            throw;
        }
    }

    /// <inheritdoc/>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        Leave();
        return base.OnDeactivateAsync(reason, cancellationToken);
    }

    private void Leave()
    {
        isOver = true;
        inbox.Close();
        coordinators.Left(Name);
        executor.End();
    }

    /// <inheritdoc/>
    public async Task<SubmissionAnswer> Submit(Submission submission)
    {
        var wanted = submission.Specification;
        if (wanted.Run != Name)
        {
            var reason = $"The run {Name} was asked for with the specification of {wanted.Run}; name one of them.";
            return new SubmissionAnswer { Outcome = SubmissionOutcome.Refused, Reasons = [reason] };
        }

        var eventsBefore = feed.LastSequence;
        var cluster = await GrainFactory.Cluster().Describe();
        var answer = state is null
            ? await Create(wanted, submission.PauseAt, cluster)
            : await GoOn(wanted.With(state.Record.Specification), submission.PauseAt);
        return answer with { EventsBefore = eventsBefore };
    }

    /// <inheritdoc/>
    public Task<RunDescription?> Describe()
    {
        // Nobody else would tell one that has nothing to do any more.
        if (state?.Record.IsAtRest == true)
            StepDownIfReplaced().Ignore();
        return Task.FromResult(state is null ? null : RunDescriptions.Of(state, records, feed.LastSequence));
    }

    /// <inheritdoc/>
    public Task<RunEventLine[]> EventsAfter(long sequence) => feed.After(sequence, WatchPatience, time);

    /// <inheritdoc/>
    public async Task<string[]> Samples(int last) => [.. await eventStore.Samples(Name, last)];

    /// <inheritdoc/>
    public Task<bool> Pause() => Request(new PauseRequested(), record => !record.IsAtRest);

    /// <inheritdoc/>
    public async Task<bool> Resume()
    {
        var isPossible = await Request(new ResumeRequested(), record => !record.IsAtRest || record.CanResume);
        await OfferWorkers();
        return isPossible;
    }

    /// <inheritdoc/>
    public Task<bool> Cancel() => Request(new CancelRequested(), record => !record.IsAtRest || record.CanResume);

    /// <inheritdoc/>
    public Task Report(CoordinatorInput report) => Handle(report);

    /// <inheritdoc/>
    public Task WorkersChanged() => OfferWorkers();

    /// <summary>The coordinator's loop: hear, decide, do.</summary>
    private async Task Work()
    {
        isWorking = true;
        try
        {
            while (inbox.TryTake(out var next))
            {
                var before = state!;
                (state, var commands) = RunMachine.Decide(before, next with { At = time.GetElapsedTime(activatedAt) });
                var isLast = coordinators.AreLeaving && !IsInTheMiddle(before, state);
                await executor.Do(isLast ? RunExecutor.WithoutOrders(commands) : commands, state);
                inbox.Complete();
                if (isLast || records.IsToBeCleared)
                    inbox.Close();
                if (records.IsToBeCleared)
                    state = null;
                else if (state.Record.IsAtRest)
                    await TellOfRest();
            }

            if (inbox.IsClosed)
                coordinators.Left(Name);
        }
        catch (Exception exception)
        {
            // Somebody else has stored a newer record, or the store is gone: this coordinator must not act any more.
            LogOver(exception, Name);
            inbox.Close();
            DeactivateOnIdle();
        }
        finally
        {
            isWorking = false;
        }
    }

    /// <summary>Whether a step is in flight whose reports the next coordinator would not hear.</summary>
    private static bool IsInTheMiddle(RunState before, RunState now) =>
        before.Phase is RunPhase.Stepping && now.Phase is RunPhase.Stepping && before.Step == now.Step;

    private Task Handle(CoordinatorInput runEvent)
    {
        if (state is not null)
            inbox.Put(runEvent);
        WorkIfIdle();
        return Task.CompletedTask;
    }

    private async Task<bool> Request(CoordinatorInput request, Func<RunRecord, bool> isPossible)
    {
        if (state is null || !isPossible(state.Record))
            return false;
        var stored = inbox.Ask(request);
        WorkIfIdle();
        await stored;
        return true;
    }

    private void WorkIfIdle()
    {
        if (!isWorking && !inbox.IsEmpty)
            Work().Ignore();
    }

    private async Task<SubmissionAnswer> Create(RunSpecification specification, long? pauseAt, ClusterView cluster)
    {
        var diskError = RunDefaults.DiskError(specification, cluster);
        var errors = SpecificationCheck.Errors(specification).Append(diskError).OfType<string>().ToArray();
        if (errors.Length > 0)
            return new SubmissionAnswer { Outcome = SubmissionOutcome.Refused, Reasons = errors };
        var hashes = specification.DatasetHashes();
        if (await RunDatasets.Missing(GrainFactory, hashes, cluster) is { } missing)
        {
            var reason = $"The dataset {missing} is not there any more; submit again to send it once more.";
            return new SubmissionAnswer { Outcome = SubmissionOutcome.Refused, Reasons = [reason] };
        }

        if (!await HoldBase(specification))
            return new SubmissionAnswer { Outcome = SubmissionOutcome.Refused, Reasons = [BaseIsGone(specification)] };
        if (records.IsToBeCleared)
            await Clear(records.DeletedLives, []);
        var record = new RunRecord
        {
            Specification = specification,
            PauseAt = pauseAt,
            Lives = [Guid.NewGuid().ToString("N")],
            DeletedLives = records.DeletedLives,
            Generation = records.LastGeneration,
        };
        var submitted = RunDescriptions.Submitted(specification);
        await records.Write(record, [submitted], time.GetUtcNow());
        feed.Publish(submitted);
        await RunDatasets.Note(GrainFactory, hashes, cluster, Name, record.Life);
        await Begin(record);
        return new SubmissionAnswer { Outcome = SubmissionOutcome.Created };
    }

    private async Task<SubmissionAnswer> GoOn(RunSpecification wanted, long? pauseAt)
    {
        var record = state!.Record;
        if (RunDescriptions.ReasonsAgainst(record, wanted) is { Length: > 0 } reasons)
            return new SubmissionAnswer { Outcome = SubmissionOutcome.Refused, Reasons = reasons };
        await Request(new ResumeRequested(pauseAt, wanted.Workers), _ => true);
        await OfferWorkers();
        return new SubmissionAnswer
        {
            Outcome = record.IsAtRest ? SubmissionOutcome.Resumed : SubmissionOutcome.AlreadyRunning,
        };
    }

    private async Task Begin(RunRecord record)
    {
        state = new RunState(record) { Options = options };
        executor.Begin(record);
        await Handle(new Started());
        if (!record.IsAtRest)
            await LookForCheckpoints((await GrainFactory.Cluster().Describe()).Silos);
        await OfferWorkers();
    }

    /// <summary>
    /// Asks for the workers of the run, every second: one that was lost by a failed call is offered again that way. An
    /// offer that overtook a newer one would take workers out, so one question is under way at a time.
    /// </summary>
    private async Task OfferWorkers()
    {
        if (state is null || state.Record.IsAtRest || isOffering)
            return;
        isOffering = true;
        restTold = null;
        try
        {
            await ChooseDevices(state.Record);
            await executor.TellCluster(state);
            var offer = await executor.LookForWorkers(state.Record);
            if (offer is not null && IsNews(offer, state))
                await Handle(offer);
            LookForCheckpoints(executor.Silos).Ignore();
        }
        finally
        {
            isOffering = false;
        }
    }

    /// <summary>Once a class of devices has enough workers for the run, it is settled.</summary>
    private async Task ChooseDevices(RunRecord record)
    {
        if (record.Devices is null && await executor.ChooseDevices(record) is { } chosen)
            await Handle(chosen);
    }

    /// <summary>
    /// On the disks of silos that come: after a restart without the store's files the record names none of them.
    /// </summary>
    private async Task LookForCheckpoints(IEnumerable<SiloDescription> silos)
    {
        if (await search.Run(Name, silos) is { } found)
            await Handle(found);
    }

    /// <summary>What waits for the run is said again: it may have been missed.</summary>
    private static bool IsNews(WorkersOffered offer, RunState state) =>
        state.Phase is RunPhase.Waiting
        || !offer.Workers.SequenceEqual(state.Cluster.Offered)
        || !offer.Disks.SequenceEqual(state.Cluster.Disks)
        || offer.Workers.Any(worker => worker.Leaving is not null
            && !state.Members.Exists(member => member.Key == worker.Key));

    private async Task Tick()
    {
        if (coordinators.AreLeaving && state is not { Record.IsAtRest: false })
            coordinators.Left(Name);
        if (state is { Record.IsAtRest: true })
        {
            await TellOfRest();
        }
        else if (state is not null)
        {
            await Handle(new Ticked());
            await OfferWorkers();
        }
        else if (records.IsToBeCleared && !isDeleting && clearing is null)
        {
            await FinishDeletion();
        }
    }

    /// <summary>
    /// Frees the run's workers in the cluster's list. A coordinator that died after its last record did not come so
    /// far, so the one that finds the run at rest does it; what said that the run goes on must not come after it. A run
    /// that rests can still come to another rest: one that has failed may be cancelled.
    /// </summary>
    private async Task TellOfRest()
    {
        var status = records.Stored?.Status;
        if (restTold == status || isOffering)
            return;
        try
        {
            await executor.TellCluster(state!);
            restTold = status;
            if (state is { } rests && HasGivenUp(rests.Record))
                await ReleaseBase(rests.Record.Specification);
        }
        catch (Exception exception) when (TransientErrors.Is(exception))
        {
            LogNotTold(exception, Name);
        }
    }

    [LoggerMessage(301, LogLevel.Warning, "The coordinator of run {Run} stops acting; another one goes on.")]
    private partial void LogOver(Exception exception, RunName run);

    [LoggerMessage(302, LogLevel.Warning, "The cluster could not be told that run {Run} rests; it is tried again.")]
    private partial void LogNotTold(Exception exception, RunName run);
}

using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Microsoft.Extensions.Logging;
using Orleans.Storage;

namespace Gpt2Cluster.Grains.Cluster;

/// <summary>
/// The one list of silos, workers and runs. It gives workers to runs, asks one run to let workers go that another waits
/// for, and brings unfinished runs back to life.
/// </summary>
[KeepAlive]
public sealed partial class ClusterGrain(
    [PersistentState("cluster", "runs")] IPersistentState<ClusterRecord> record,
    ISiloStatusOracle membership,
    TimeProvider time,
    ILogger<ClusterGrain> logger) : Grain, ICluster
{
    /// <summary>Time between two looks at who is still there.</summary>
    public static readonly TimeSpan SweepPeriod = TimeSpan.FromSeconds(0.5);

    /// <summary>
    /// A run that has said nothing for this long is asked whether it is there, which brings its coordinator back.
    /// </summary>
    public static readonly TimeSpan RunSilenceBound = TimeSpan.FromSeconds(5);

    private readonly SiloRegistry silos = new(time);
    private readonly Dictionary<string, long> pokedAt = [];

    // Why workers are to leave, as their runs were told last.
    private Dictionary<string, string> leaving = [];

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(
            Sweep, new GrainTimerCreationOptions(SweepPeriod, SweepPeriod) { KeepAlive = true });
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<RegistrationAnswer> Register(SiloDescription silo)
    {
        ArgumentNullException.ThrowIfNull(silo);
        if (membership.IsDeadSilo(SiloAddress.FromParsableString(silo.Incarnation)))
        {
            LogDeadSpeaks(silo.Name, silo.Incarnation);
            return new RegistrationAnswer(0);
        }

        if (silos.Other(silo) is { } other
            && SiloAddress.FromParsableString(other.Incarnation) is var address && IsActive(address))
            return new RegistrationAnswer(0, address.Endpoint.ToString());

        var news = silos.Register(silo);
        silos.Complete(Members());
        if (news != RegistrationChange.None)
        {
            if (news == RegistrationChange.Stops)
                LogStops(silo.Name);
            else
                LogJoined(silo.Name, silo.Workers.Length);
            // What a silo that was started again had of its runs is lost, though they keep its workers.
            Tell(silo.Workers.Select(worker => record.State.Assignment.GetValueOrDefault(worker.Key)).OfType<string>());
            await AssignWorkers();
        }

        return new RegistrationAnswer(
            silo.Workers.Count(worker => record.State.Assignment.ContainsKey(worker.Key)));
    }

    /// <inheritdoc/>
    public async Task Leave(string siloName, string incarnation)
    {
        if (!silos.Remove(siloName, incarnation))
            return;
        LogLeft(siloName);
        await AssignWorkers();
    }

    /// <inheritdoc/>
    public async Task WorkersReleased(string run, string[] workers)
    {
        var (assignment, marks) = (record.State.Assignment, Plan(record.State.Runs, record.State.Assignment).Leaving);
        HashSet<string> released =
            [.. workers.Where(worker => assignment.GetValueOrDefault(worker) == run && marks.ContainsKey(worker))];
        if (released.Count > 0)
            await Keep(record.State.Runs, assignment.Where(pair => !released.Contains(pair.Key)).ToDictionary());
    }

    /// <inheritdoc/>
    public Task<ClusterView> Describe() => Task.FromResult(new ClusterView
    {
        Silos = [.. silos.Silos.Select(silo => silo with { Workers = [.. silo.Workers.Select(WithRun)] })],
        IsComplete = silos.IsComplete,
    });

    /// <inheritdoc/>
    public Task<RunSummary[]> Runs() => Task.FromResult<RunSummary[]>(
        [.. record.State.Runs.Values.Select(entry => entry.Summary).OrderByDescending(run => run.SubmittedAt)]);

    /// <inheritdoc/>
    public async Task RunChanged(
        RunSummary run, int workersAtLeast, int workersAtMost, RefusedWorker[] refused)
    {
        ArgumentNullException.ThrowIfNull(run);
        var runs = record.State.Runs;
        var before = runs.GetValueOrDefault(run.Name);
        if (run.Generation < before?.Summary.Generation)
        {
            LogOldNews(run.Name, run.Generation, before.Summary.Generation);
            return;
        }

        var entry = new RunEntry(run, Math.Max(1, workersAtLeast), Math.Max(1, workersAtMost), refused);
        if (entry.IsOneOf(record.State.Deleted.GetValueOrDefault(run.Name)))
            return;
        pokedAt[run.Name] = time.GetTimestamp();

        // Progress is kept by the run itself; the list is written when a run begins, ends or wants something else.
        if (before is not null && before.WantsTheSameAs(entry))
            runs[run.Name] = entry;
        else
            await Keep(new(runs) { [run.Name] = entry }, record.State.Assignment);
    }

    /// <inheritdoc/>
    public async Task<KnownRuns> KnownRuns() => new(
        await Runs(), [.. record.State.Deleted.Select(pair => new DeletedRunLives(pair.Key, pair.Value))]);

    /// <inheritdoc/>
    public async Task RunDeleted(string run, string[] lives)
    {
        var (runs, before) = (record.State.Runs, record.State.Deleted);
        record.State.Deleted = new(before) { [run] = lives };
        try
        {
            var isListed = runs.GetValueOrDefault(run)?.IsOneOf(lives) == true;
            await Keep(
                isListed ? runs.Where(pair => pair.Key != run).ToDictionary() : runs, record.State.Assignment);
        }
        catch
        {
            record.State.Deleted = before;
            throw;
        }
    }

    private WorkerDescription WithRun(WorkerDescription worker) => worker with
    {
        Run = record.State.Assignment.GetValueOrDefault(worker.Key),
        Leaving = leaving.GetValueOrDefault(worker.Key),
    };

    private async Task Sweep(CancellationToken cancellationToken)
    {
        var members = Members();
        foreach (var name in silos.Sweep(members))
            LogLost(name);
        silos.Complete(members);
        await AssignWorkers();
        foreach (var (name, entry) in record.State.Runs)
        {
            if (entry.IsUnfinished)
                Poke(name);
        }
    }

    private bool IsActive(SiloAddress silo) =>
        membership.GetApproximateSiloStatuses(onlyActive: true).ContainsKey(silo);

    private HashSet<string> Members()
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var address in membership.GetApproximateSiloStatuses(onlyActive: true).Keys)
        {
            if (membership.TryGetSiloName(address, out var name))
                names.Add(name);
        }

        return names;
    }

    /// <summary>
    /// Gives workers to runs, and asks runs to let some go, if something is to change; what fails is tried again.
    /// </summary>
    private async Task AssignWorkers()
    {
        var (runs, before) = (record.State.Runs, record.State.Assignment);
        var plan = Plan(runs, before);
        if (ChangedRuns(before, plan.Runs).Count == 0)
        {
            Mark(plan);
            return;
        }

        try
        {
            await Keep(runs, before);
        }
        catch (OrleansException exception)
        {
            LogNotKept(exception);
        }
    }

    private AssignmentPlan Plan(Dictionary<string, RunEntry> runs, Dictionary<string, string> assignment)
    {
        if (!silos.IsComplete)
            return new AssignmentPlan(assignment, leaving);
        var demands = runs.Values
            .Where(entry => entry.WantsWorkers)
            .OrderBy(entry => entry.Summary.SubmittedAt)
            .ThenBy(entry => entry.Summary.Name, StringComparer.Ordinal)
            .Select(entry => new WorkerDemand(entry.Summary.Name, entry.WorkersAtLeast, entry.WorkersAtMost)
            {
                Refused = (entry.Refused ?? []).Where(silos.IsSameLife).Select(worker => worker.Key)
                    .Concat(silos.KeysOfOthers(entry.DevicesWanted())).ToHashSet(),
            });
        return WorkerAssignment.Assign(silos.Workers, [.. demands], assignment);
    }

    /// <summary>Stores the runs and who serves them. What could not be stored has not happened.</summary>
    /// <param name="runs">The runs.</param>
    /// <param name="assignment">Who serves them but for what changes now.</param>
    private async Task Keep(Dictionary<string, RunEntry> runs, Dictionary<string, string> assignment)
    {
        var (runsBefore, assignmentBefore) = (record.State.Runs, record.State.Assignment);
        var plan = Plan(runs, assignment);
        record.State.Assignment = plan.Runs;
        record.State.Runs = runs;
        try
        {
            await record.WriteStateAsync();
        }
        catch (Exception exception)
        {
            (record.State.Runs, record.State.Assignment) = (runsBefore, assignmentBefore);
            // The store has another record than this activation: an earlier write was stored, or somebody else wrote.
            if (exception is InconsistentStateException)
                DeactivateOnIdle();
            throw;
        }

        Mark(plan);
        Tell(ChangedRuns(assignmentBefore, record.State.Assignment));
    }

    /// <summary>Tells the runs that are to let workers go, or may keep them after all.</summary>
    private void Mark(AssignmentPlan plan)
    {
        var changed = plan.Leaving.Keys.Union(leaving.Keys)
            .Where(worker => plan.Leaving.GetValueOrDefault(worker) != leaving.GetValueOrDefault(worker));
        var runs = changed.Select(worker => plan.Runs.GetValueOrDefault(worker)).OfType<string>().ToHashSet();
        leaving = plan.Leaving;
        Tell(runs);
    }

    private void Tell(IEnumerable<string> runs)
    {
        foreach (var run in runs.Distinct())
            GrainFactory.Run(run).WorkersChanged().Ignore();
    }

    private static HashSet<string> ChangedRuns(Dictionary<string, string> before, Dictionary<string, string> after)
    {
        var changed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var worker in before.Keys.Union(after.Keys))
        {
            var was = before.GetValueOrDefault(worker);
            var now = after.GetValueOrDefault(worker);
            if (was == now)
                continue;
            if (was is not null)
                changed.Add(was);
            if (now is not null)
                changed.Add(now);
        }

        return changed;
    }

    /// <summary>
    /// Asks a run that is silent how it stands. The answer is not waited for: a run may be asking this grain meanwhile.
    /// A run that rests says so once, and what a replaced coordinator says can come after it: the answer is what
    /// counts then.
    /// </summary>
    private void Poke(string run)
    {
        if (pokedAt.TryGetValue(run, out var at) && time.GetElapsedTime(at) < RunSilenceBound)
            return;
        pokedAt[run] = time.GetTimestamp();
        Ask().Ignore();

        async Task Ask()
        {
            var description = await GrainFactory.Run(run).Describe();
            if (description is null || record.State.Runs.GetValueOrDefault(run) is not { } entry
                || entry.Summary.Status == description.Summary.Status)
                return;
            // By a call, in a turn of its own: a write may be under way now.
            await GrainFactory.Cluster().RunChanged(
                description.Summary, entry.WorkersAtLeast, entry.WorkersAtMost, entry.Refused ?? []);
        }
    }

    [LoggerMessage(LogLevel.Information, "Silo {Silo} joined with {Workers} workers.")]
    private partial void LogJoined(string silo, int workers);

    [LoggerMessage(LogLevel.Information, "Silo {Silo} is to stop; its workers leave their runs at the next boundary.")]
    private partial void LogStops(string silo);

    [LoggerMessage(LogLevel.Information, "Silo {Silo} left in good order.")]
    private partial void LogLeft(string silo);

    [LoggerMessage(LogLevel.Warning, "The list of runs could not be stored; it is tried again.")]
    private partial void LogNotKept(Exception exception);

    [LoggerMessage(LogLevel.Information, "Silo {Silo} of {Incarnation} was declared dead and introduces itself.")]
    private partial void LogDeadSpeaks(string silo, string incarnation);

    [LoggerMessage(LogLevel.Information,
        "What a coordinator of run {Run} says of generation {Generation} is ignored: it was replaced, now is {Now}.")]
    private partial void LogOldNews(string run, int generation, int now);

    [LoggerMessage(LogLevel.Warning, "Silo {Silo} is gone.")]
    private partial void LogLost(string silo);
}

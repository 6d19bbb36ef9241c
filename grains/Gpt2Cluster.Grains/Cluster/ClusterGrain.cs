using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Runs;
using Microsoft.Extensions.Logging;
using Orleans.Storage;

namespace Gpt2Cluster.Grains.Cluster;

/// <summary>
/// The one list of silos, workers and runs. It gives free workers to runs and brings unfinished runs back to life.
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

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(
            Sweep, new GrainTimerCreationOptions(SweepPeriod, SweepPeriod) { KeepAlive = true });
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task Register(SiloDescription silo)
    {
        ArgumentNullException.ThrowIfNull(silo);
        var isNews = silos.Register(silo);
        silos.Complete(Members());
        if (!isNews)
            return;
        LogJoined(silo.Name, silo.Workers.Length);
        // What a silo that was started again had of its runs is lost, though they keep its workers.
        Tell(silo.Workers.Select(worker => record.State.Assignment.GetValueOrDefault(worker.Key)).OfType<string>());
        await AssignWorkers();
    }

    /// <inheritdoc/>
    public async Task Leave(string siloName)
    {
        if (!silos.Remove(siloName))
            return;
        LogLeft(siloName);
        await AssignWorkers();
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
    public async Task RunChanged(RunSummary run, int workersAtLeast, int workersAtMost)
    {
        ArgumentNullException.ThrowIfNull(run);
        var runs = record.State.Runs;
        var before = runs.GetValueOrDefault(run.Name);
        var entry = new RunEntry(run, Math.Max(1, workersAtLeast), Math.Max(1, workersAtMost));
        pokedAt[run.Name] = time.GetTimestamp();

        // Progress is kept by the run itself; the list is written when a run begins, ends or wants something else.
        if (before is not null && before.WantsTheSameAs(entry))
            runs[run.Name] = entry;
        else
            await Keep(new(runs) { [run.Name] = entry });
    }

    private WorkerDescription WithRun(WorkerDescription worker) =>
        worker with { Run = record.State.Assignment.GetValueOrDefault(worker.Key) };

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

    /// <summary>Gives free workers to runs, if there is something to give; what fails is tried again.</summary>
    private async Task AssignWorkers()
    {
        var runs = record.State.Runs;
        if (ChangedRuns(record.State.Assignment, Assign(runs)).Count == 0)
            return;
        try
        {
            await Keep(runs);
        }
        catch (OrleansException exception)
        {
            LogNotKept(exception);
        }
    }

    private Dictionary<string, string> Assign(Dictionary<string, RunEntry> runs)
    {
        if (!silos.IsComplete)
            return record.State.Assignment;
        var demands = runs.Values
            .Where(entry => entry.WantsWorkers)
            .OrderBy(entry => entry.Summary.SubmittedAt)
            .ThenBy(entry => entry.Summary.Name, StringComparer.Ordinal)
            .Select(entry => new WorkerDemand(entry.Summary.Name, entry.WorkersAtLeast, entry.WorkersAtMost));
        string[] workers = [.. silos.Workers.Select(worker => worker.Key)];
        return WorkerAssignment.Assign(workers, [.. demands], record.State.Assignment);
    }

    /// <summary>Stores the runs and who serves them. What could not be stored has not happened.</summary>
    private async Task Keep(Dictionary<string, RunEntry> runs)
    {
        var (runsBefore, assignmentBefore) = (record.State.Runs, record.State.Assignment);
        record.State.Assignment = Assign(runs);
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

        Tell(ChangedRuns(assignmentBefore, record.State.Assignment));
    }

    private void Tell(IEnumerable<string> runs)
    {
        foreach (var run in runs.Distinct())
            GrainFactory.GetGrain<ITrainingRun>(run).WorkersChanged().Ignore();
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
    /// </summary>
    private void Poke(string run)
    {
        if (pokedAt.TryGetValue(run, out var at) && time.GetElapsedTime(at) < RunSilenceBound)
            return;
        pokedAt[run] = time.GetTimestamp();
        GrainFactory.GetGrain<ITrainingRun>(run).Describe().Ignore();
    }

    [LoggerMessage(LogLevel.Information, "Silo {Silo} joined with {Workers} workers.")]
    private partial void LogJoined(string silo, int workers);

    [LoggerMessage(LogLevel.Information, "Silo {Silo} left in good order.")]
    private partial void LogLeft(string silo);

    [LoggerMessage(LogLevel.Warning, "The list of runs could not be stored; it is tried again.")]
    private partial void LogNotKept(Exception exception);

    [LoggerMessage(LogLevel.Warning, "Silo {Silo} is gone.")]
    private partial void LogLost(string silo);
}

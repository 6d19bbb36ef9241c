using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Runs;
using Microsoft.Extensions.Logging;

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
    private Dictionary<string, string> assignment = [];

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(
            Sweep, new GrainTimerCreationOptions(SweepPeriod, SweepPeriod) { KeepAlive = true });
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task Register(SiloDescription silo)
    {
        if (silos.Register(silo))
        {
            LogJoined(silo.Name, silo.Workers.Length);
            AssignWorkers();
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task Leave(string siloName)
    {
        if (silos.Remove(siloName))
        {
            LogLeft(siloName);
            AssignWorkers();
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<ClusterView> Describe() => Task.FromResult(new ClusterView
    {
        Silos = [.. silos.Silos.Select(silo => silo with { Workers = [.. silo.Workers.Select(WithRun)] })],
    });

    /// <inheritdoc/>
    public Task<RunSummary[]> Runs() => Task.FromResult<RunSummary[]>(
        [.. record.State.Runs.Values.Select(entry => entry.Summary).OrderByDescending(run => run.SubmittedAt)]);

    /// <inheritdoc/>
    public async Task RunChanged(RunSummary run, int workersAtLeast, int workersAtMost)
    {
        ArgumentNullException.ThrowIfNull(run);
        var before = record.State.Runs.GetValueOrDefault(run.Name);
        var entry = new RunEntry(run, Math.Max(1, workersAtLeast), Math.Max(1, workersAtMost));
        record.State.Runs[run.Name] = entry;
        pokedAt[run.Name] = time.GetTimestamp();

        // Progress is kept by the run itself; the list is written when a run begins, ends or wants something else.
        if (before?.Summary.Status == run.Status
            && before.WorkersAtLeast == entry.WorkersAtLeast && before.WorkersAtMost == entry.WorkersAtMost)
            return;
        await record.WriteStateAsync();
        AssignWorkers();
    }

    /// <inheritdoc/>
    public Task<WorkerDescription[]> WorkersOf(string run) =>
        Task.FromResult<WorkerDescription[]>([.. silos.Workers.Select(WithRun).Where(worker => worker.Run == run)]);

    private WorkerDescription WithRun(WorkerDescription worker) =>
        worker with { Run = assignment.GetValueOrDefault(worker.Key) };

    private Task Sweep(CancellationToken cancellationToken)
    {
        var gone = silos.Sweep(Members());
        foreach (var name in gone)
            LogLost(name);
        if (gone.Count > 0)
            AssignWorkers();
        foreach (var (name, entry) in record.State.Runs)
        {
            if (entry.IsUnfinished)
                Poke(name);
        }

        return Task.CompletedTask;
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

    private void AssignWorkers()
    {
        var demands = record.State.Runs.Values
            .Where(entry => entry.WantsWorkers)
            .OrderBy(entry => entry.Summary.SubmittedAt)
            .ThenBy(entry => entry.Summary.Name, StringComparer.Ordinal)
            .Select(entry => new WorkerDemand(entry.Summary.Name, entry.WorkersAtLeast, entry.WorkersAtMost));
        var next = WorkerAssignment.Assign([.. silos.Workers.Select(worker => worker.Key)], [.. demands], assignment);
        var changed = ChangedRuns(assignment, next);
        assignment = next;
        foreach (var run in changed)
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

    [LoggerMessage(LogLevel.Warning, "Silo {Silo} is gone.")]
    private partial void LogLost(string silo);
}

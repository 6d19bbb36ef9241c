using System.Diagnostics.Metrics;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Cluster;
using Gpt2Cluster.Grains.Metrics;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Grains.Reducers;
using Gpt2Cluster.Grains.Runs;
using Gpt2Cluster.Simulator.Clock;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Store;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gpt2Cluster.Simulator.Silos;

/// <summary>Makes the real grains with simulated surroundings.</summary>
internal static class GrainFactories
{
    // Nobody reads them, and they are safe to share.
    private static readonly RunMetrics Metrics = MakeMetrics();

    /// <summary>A coordinator and how its record is read.</summary>
    public static (object Grain, Func<Task> ReadRecord) Coordinator(SimulatedCluster cluster, Silo silo)
    {
        var record = new SimulatedRecord<StoredRun>(
            cluster.Store, silo.Name, silo.Life, SimulatedCluster.RunRecordKey, RecordCopies.Of,
            cluster.Mutant == Mutant.EtagIgnored);
        var events = new SimulatedEventStore(
            cluster.Store, silo.Name, silo.Life, cluster.Mutant == Mutant.EventsUnfenced);
        events.Appended += (life, lines) =>
            cluster.Trace.Say($"{life.Name} appends {lines.Count} events: {cluster.Store.Events.Count} in all");
        var logger = new TraceLogger<TrainingRunGrain>(cluster.Trace, silo.Life);
        var grain = new TrainingRunGrain(
            record, events, Metrics, silo.Coordinators, new RunOptions(), silo.Time, logger);
        return (grain, record.ReadStateAsync);
    }

    /// <summary>The Cluster grain and how its record is read.</summary>
    public static (object Grain, Func<Task> ReadRecord) Cluster(SimulatedCluster cluster, Silo silo)
    {
        var record = new SimulatedRecord<ClusterRecord>(
            cluster.Store, silo.Name, silo.Life, "cluster", RecordCopies.Of, ignoresEtag: false);
        var logger = new TraceLogger<ClusterGrain>(cluster.Trace, silo.Life);
        return (new ClusterGrain(record, new SiloView(silo), silo.Time, logger), record.ReadStateAsync);
    }

    /// <summary>A reducer.</summary>
    public static object Reducer(Silo silo) => new ReducerGrain(silo.Exchanges);

    /// <summary>What a silo has on its disk, as others reach it.</summary>
    public static object Store(SimulatedCluster cluster, Silo silo, IDataDisk disk) =>
        new OnlyCheckpoints(silo, disk, new TraceLogger<ModelStoreGrain>(cluster.Trace, silo.Life));

    private static RunMetrics MakeMetrics()
    {
        var series = new RunSeries(TimeProvider.System);
        return new RunMetrics(
            new RunInstruments(new OneMeter(), series, TimeProvider.System), series, TimeProvider.System);
    }

    private sealed class OneMeter : IMeterFactory
    {
        public Meter Create(MeterOptions options) => new(options);

        public void Dispose()
        {
        }
    }
}

/// <summary>A store without models, in which every dataset is.</summary>
internal sealed class OnlyCheckpoints(Silo silo, IDataDisk disk, ILogger<ModelStoreGrain> logger) : ModelStoreGrain(
    silo.Context,
    disk,
    new StoredPaths(silo.Context),
    datasets: null!,
    silo.Checkpoints,
    hashes: null!,
    new DiskRemoval(
        silo.Context,
        new StoredPaths(silo.Context),
        silo.Checkpoints,
        disk,
        keeper: null!,
        silo.Grains,
        silo.Time,
        NullLogger<DiskRemoval>.Instance),
    silo.Time,
    logger)
{
    /// <inheritdoc/>
    public override Task<bool> UseDataset(string hash, RunName? run, string? life) => Task.FromResult(true);
}

/// <summary>Orleans' membership as a silo sees it.</summary>
internal sealed class SiloView(Silo silo) : ISiloStatusOracle
{
    /// <inheritdoc/>
    public SiloStatus CurrentStatus => SiloStatus.Active;

    /// <inheritdoc/>
    public string SiloName => silo.Name.ToString();

    /// <inheritdoc/>
    public SiloAddress SiloAddress => silo.Address;

    /// <inheritdoc/>
    public Dictionary<SiloAddress, SiloStatus> GetApproximateSiloStatuses(bool onlyActive = false) =>
        silo.View.ToDictionary(other => other.Address, _ => SiloStatus.Active);

    /// <inheritdoc/>
    public SiloAddress[] GetActiveSilos() => [.. silo.View.Select(other => other.Address)];

    /// <inheritdoc/>
    public bool TryGetSiloName(SiloAddress siloAddress, out string siloName)
    {
        siloName = silo.View.FirstOrDefault(other => other.Address.Equals(siloAddress))?.Name.ToString()!;
        return siloName is not null;
    }

    /// <inheritdoc/>
    public SiloStatus GetApproximateSiloStatus(SiloAddress siloAddress) => throw new NotSupportedException();

    /// <inheritdoc/>
    public bool IsFunctionalDirectory(SiloAddress siloAddress) => throw new NotSupportedException();

    /// <inheritdoc/>
    public bool IsDeadSilo(SiloAddress address) => silo.KnowsDead(address);

    /// <inheritdoc/>
    public bool SubscribeToSiloStatusEvents(ISiloStatusListener observer) => throw new NotSupportedException();

    /// <inheritdoc/>
    public bool UnSubscribeFromSiloStatusEvents(ISiloStatusListener observer) => throw new NotSupportedException();
}

/// <summary>Simulated workers make their replicas themselves.</summary>
internal sealed class NoReplicas : IReplicaFactory
{
    /// <inheritdoc/>
    public IReadOnlyList<Device> Devices => throw new NotSupportedException();

    /// <inheritdoc/>
    public long LiveTensorCount => throw new NotSupportedException();

    /// <inheritdoc/>
    public ComputeProfile Profile(int deviceIndex, Precision precision, int threads) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    public IReplica Create(int deviceIndex, ReplicaOptions options) => throw new NotSupportedException();
}

/// <summary>Writes what the grains log into the trace.</summary>
internal sealed class TraceLogger<T>(Trace trace, Life life) : ILogger<T>
{
    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => trace.IsOn;

    /// <inheritdoc/>
    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        var because = exception is null ? "" : $" ({exception.Message})";
        trace.Say($"{life.Name} logs: {formatter(state, exception)}{because}");
    }
}

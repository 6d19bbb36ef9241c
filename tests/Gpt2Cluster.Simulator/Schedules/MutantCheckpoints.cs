using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Grains.Workers.Replicas;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Simulator.Schedules;

/// <summary>The product's store of checkpoints, with a mistake where a mutant has one there.</summary>
internal static class MutantCheckpoints
{
    /// <summary>The store.</summary>
    public static CheckpointStore Of(
        Mutant mutant, SiloContext silo, IDataDisk disk, ILogger<CheckpointStore> logger) => mutant switch
        {
            Mutant.PublishedBeforeFlushed => new Unflushed(silo, disk, logger),
            Mutant.CheckpointUnverified => new Unverified(silo, disk, logger),
            Mutant.KeptDeleted => new Greedy(silo, disk, logger),
            _ => new CheckpointStore(silo, disk, logger),
        };

    private sealed class Unflushed(SiloContext silo, IDataDisk disk, ILogger<CheckpointStore> logger)
        : CheckpointStore(silo, disk, logger)
    {
        protected override Task Flush(IStagedFolder staged) => Task.CompletedTask;
    }

    private sealed class Unverified(SiloContext silo, IDataDisk disk, ILogger<CheckpointStore> logger)
        : CheckpointStore(silo, disk, logger)
    {
        protected override bool IsSound(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> written) => true;
    }

    private sealed class Greedy(SiloContext silo, IDataDisk disk, ILogger<CheckpointStore> logger)
        : CheckpointStore(silo, disk, logger)
    {
        protected override bool IsExpired(long step, IReadOnlyCollection<long> kept) => step <= kept.Max();
    }
}

/// <summary>The product's copy of a replica, with a mistake where a mutant has one there.</summary>
internal static class MutantCopy
{
    /// <summary>So few elements of a range that each source gives some.</summary>
    private const int RangeElements = 3;

    /// <summary>The copy.</summary>
    public static ReplicaCopy Of(Mutant mutant, Func<WorkerId, IWorker> workerOf, RunName run, PrepareReplica order) =>
        mutant == Mutant.CopyUnchecked
            ? new Unchecked(workerOf, run, order)
            : new ReplicaCopy(workerOf, run, order, RangeElements);

    private sealed class Unchecked(Func<WorkerId, IWorker> workerOf, RunName run, PrepareReplica order)
        : ReplicaCopy(workerOf, run, order, RangeElements)
    {
        protected override Task Compare(
            IReplicaState replica, ReplicaPart part, WorkerId source, CancellationToken cancellation) =>
            Task.CompletedTask;

        protected override bool Stands(ReplicaRange range) => true;
    }
}

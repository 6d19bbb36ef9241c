using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Workers;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Simulator.Workers;

namespace Gpt2Cluster.Simulator.Disk;

/// <summary>A checkpoint could not be loaded.</summary>
/// <param name="failure">Whether it verifies nowhere, or one of its disks cannot be reached.</param>
internal sealed class CheckpointLoadException(WorkerFailure failure) : Exception(failure.Reason)
{
    /// <summary>Whether it verifies nowhere, or one of its disks cannot be reached.</summary>
    public WorkerFailure Failure => failure;
}

/// <summary>
/// Loads a checkpoint into a replica: from the silo's own disk, or a copy from another's, the writer's first.
/// </summary>
internal sealed class CheckpointLoading(Silo silo)
{
    /// <summary>Loads a checkpoint.</summary>
    /// <exception cref="CheckpointLoadException">
    /// It verifies nowhere, or one of its disks cannot be reached.
    /// </exception>
    public async Task Load(SimulatedReplica replica, CheckpointEntry checkpoint, CancellationToken token)
    {
        if (TryHere(replica, checkpoint))
            return;
        var unseen = checkpoint.Holders().ToList();
        unseen.RemoveAll(holder => IsOn(holder, silo.Name.Silo(), silo.Machine.Disk.Id));
        foreach (var peer in await Peers(checkpoint))
        {
            token.ThrowIfCancellationRequested();
            var answer = await Bring(CheckpointFolder.PathOf(checkpoint.Step), peer.Name);
            if (answer.Outcome == CopyOutcome.IsHere && TryHere(replica, checkpoint))
                return;
            if (answer.Outcome != CopyOutcome.Failed)
                unseen.RemoveAll(holder => IsOn(holder, SiloName.Parse(peer.Name.ToString()), peer.DataFolderId));
        }

        var step = checkpoint.Step;
        throw new CheckpointLoadException(unseen.Count == 0
            ? new($"the checkpoint of step {step} is damaged", FailureKind.CheckpointDamaged, step)
            : new($"the checkpoint of step {step} cannot be reached", FailureKind.CheckpointUnreachable, step));
    }

    private bool TryHere(SimulatedReplica replica, CheckpointEntry checkpoint)
    {
        if (!silo.Checkpoints.Has(checkpoint.Step))
            return false;
        try
        {
            silo.Checkpoints.Read(replica, checkpoint);
            replica.Loaded(checkpoint.Step);
            return true;
        }
        catch (InvalidDataException problem)
        {
            silo.Trace.Say($"{silo.Life.Name} sets the checkpoint of step {checkpoint.Step} aside: {problem.Message}");
            silo.Checkpoints.SetAside(checkpoint.Step);
            return false;
        }
    }

    private async Task<IReadOnlyList<SiloDescription>> Peers(CheckpointEntry checkpoint)
    {
        try
        {
            var view = await silo.Grains.Cluster().Describe();
            return
            [
                .. view.Silos.Where(other => other.Name != silo.Name.Silo())
                    .OrderBy(other => (uint)checkpoint.Holders().ToList()
                        .FindIndex(holder => IsOn(holder, other.Name, other.DataFolderId))),
            ];
        }
        catch (Exception problem) when (problem is OrleansException or TimeoutException)
        {
            return [];
        }
    }

    private async Task<CopyAnswer> Bring(string folder, SiloName fromSilo)
    {
        try
        {
            return await silo.Grains.Store(silo.Name.Silo()).BringAll(folder, fromSilo);
        }
        catch (Exception problem) when (problem is OrleansException or TimeoutException)
        {
            return new CopyAnswer(CopyOutcome.Failed, problem.Message);
        }
    }

    private static bool IsOn(CheckpointHolder holder, SiloName name, string dataFolderId) =>
        name == holder.Silo || dataFolderId == holder.DataFolderId;
}

using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>
/// Loads checkpoints into replicas: from this silo's disk, or from another's whose copy is brought here. A copy counts
/// only if it has the state hash that the catalogue names; one that has not is set aside, and the next disk is asked.
/// Called on the compute thread.
/// </summary>
public sealed class CheckpointLoader(SiloContext silo, CheckpointStore store, IPeerDisks peers)
{
    /// <summary>Loads a checkpoint; the replica stands at its step.</summary>
    /// <exception cref="DamagedCheckpointException">It verifies nowhere, and all its disks were looked at.</exception>
    /// <exception cref="UnreachableCheckpointException">One of its disks cannot be reached now.</exception>
    public void Load(IReplica replica, StoredCheckpoint checkpoint, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(replica);
        ArgumentNullException.ThrowIfNull(checkpoint);
        Load(replica, checkpoint, Enum.GetValues<ReplicaPart>(), cancellation);
        replica.Loaded(checkpoint.Step);
    }

    /// <summary>Loads only a checkpoint's parameters; the caller ends with <see cref="IReplica.Loaded"/>.</summary>
    /// <exception cref="DamagedCheckpointException">It verifies nowhere, and all its disks were looked at.</exception>
    /// <exception cref="UnreachableCheckpointException">One of its disks cannot be reached now.</exception>
    public void LoadParameters(IReplica replica, StoredCheckpoint checkpoint, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(replica);
        ArgumentNullException.ThrowIfNull(checkpoint);
        Load(replica, checkpoint, [ReplicaPart.Parameters], cancellation);
    }

    private void Load(
        IReplica replica, StoredCheckpoint checkpoint, ReplicaPart[] parts, CancellationToken cancellation)
    {
        var met = new List<string>();
        var here = TryHere(replica, checkpoint, parts, met, cancellation);
        if (here == CopyHere.IsLoaded)
            return;
        var unseen = Holders(checkpoint).ToList();
        if (here != CopyHere.CannotBeRead)
            unseen.RemoveAll(holder => IsOn(holder, new PeerDisk(silo.Name, silo.DataFolderId)));
        foreach (var peer in Peers(checkpoint, met))
        {
            cancellation.ThrowIfCancellationRequested();
            var folder = CheckpointStore.RelativeFolderOf(checkpoint.Run, checkpoint.Step);
            var answer = peers.Bring(folder, peer.SiloName);
            var isLoaded = answer.Outcome == CopyOutcome.IsHere
                && TryHere(replica, checkpoint, parts, met, cancellation) == CopyHere.IsLoaded;
            if (isLoaded)
                return;
            if (answer.Reason is { } reason)
                met.Add($"it could not be copied from silo {peer.SiloName}: {reason}");
            if (answer.Outcome != CopyOutcome.Failed)
                unseen.RemoveAll(holder => IsOn(holder, peer));
        }

        // Whatever keeps it from being read may pass.
        if (here == CopyHere.CannotBeRead)
            store.PutBack(checkpoint.Run, checkpoint.Step);
        var said = met.Count > 0 ? string.Join("; ", met) : "no silo that can be reached has it on its disk";
        throw unseen.Count == 0
            ? new DamagedCheckpointException(checkpoint.Step, said)
            : new UnreachableCheckpointException(checkpoint.Step, said);
    }

    private CopyHere TryHere(
        IReplica replica,
        StoredCheckpoint checkpoint,
        ReplicaPart[] parts,
        List<string> met,
        CancellationToken cancellation)
    {
        if (!store.Holds(checkpoint.Run, checkpoint.Step))
            return CopyHere.IsMissing;
        try
        {
            store.Read(replica, checkpoint, parts, cancellation);
            return CopyHere.IsLoaded;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException
            or InvalidDataException or UserErrorException)
        {
            store.SetAside(checkpoint.Run, checkpoint.Step, exception);
            met.Add(exception.Message.TrimEnd('.'));
            return SaysWhatLiesHere(exception) ? CopyHere.IsBad : CopyHere.CannotBeRead;
        }
    }

    /// <summary>A file that is missing, cut short or has other bytes; not a disk or a share that gives none.</summary>
    private static bool SaysWhatLiesHere(Exception exception) => exception switch
    {
        InvalidDataException or FileNotFoundException or DirectoryNotFoundException or EndOfStreamException => true,
        UserErrorException => exception.InnerException is null or InvalidDataException,
        _ => false,
    };

    /// <summary>The disks that the catalogue names come first, that of the silo that wrote it before all.</summary>
    private IReadOnlyList<PeerDisk> Peers(StoredCheckpoint checkpoint, List<string> met)
    {
        try
        {
            var holders = Holders(checkpoint).ToList();
            return [.. peers.List().OrderBy(peer => (uint)holders.FindIndex(holder => IsOn(holder, peer)))];
        }
        catch (IOException problem)
        {
            met.Add(problem.Message.TrimEnd('.'));
            return [];
        }
    }

    /// <summary>Who wrote it, and who has copied it since.</summary>
    private static IEnumerable<CheckpointPlace> Holders(StoredCheckpoint checkpoint) =>
        checkpoint.Copies.Prepend(new CheckpointPlace(checkpoint.SiloName ?? "", checkpoint.DataFolderId));

    /// <summary>What came of the copy on this silo's disk.</summary>
    private enum CopyHere
    {
        IsLoaded,
        IsMissing,
        IsBad,
        CannotBeRead,
    }

    /// <summary>
    /// Silos may share a data folder, and one that comes back under its name with another is all that will come back.
    /// </summary>
    private static bool IsOn(CheckpointPlace holder, PeerDisk disk) =>
        disk.SiloName == holder.SiloName || disk.DataFolderId == holder.DataFolderId;
}

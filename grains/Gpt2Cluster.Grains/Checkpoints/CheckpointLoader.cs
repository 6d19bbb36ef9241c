using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Core.Workers;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>
/// Loads checkpoints into replicas: from this silo's disk, or from another's whose copy is brought here. A copy counts
/// only if it has the state hash that the catalogue names; one that has not is set aside, and the next disk is asked.
/// Called on the compute thread, by <see cref="BlockingWait.RunHere"/>.
/// </summary>
public sealed class CheckpointLoader(SiloContext silo, CheckpointStore store, IPeerDisks peers)
{
    /// <summary>
    /// Loads what a checkpoint holds into a replica whose frozen parameters are there; it stands at the step then.
    /// </summary>
    /// <exception cref="UserErrorException">The frozen parameters are others than the checkpoint's.</exception>
    /// <exception cref="CheckpointLoadException">It verifies nowhere that can be reached.</exception>
    public async Task<CheckpointManifest> Load(
        IReplica replica, RunName run, CheckpointEntry checkpoint, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(replica);
        ArgumentNullException.ThrowIfNull(checkpoint);
        var manifest = await Read(
            run,
            checkpoint,
            Enum.GetValues<ReplicaPart>(),
            (part, layout, start, values) => Write(replica, part, layout, start, values),
            cancellation);
        if (manifest.FrozenHash is { } frozen && frozen != replica.FrozenHash)
        {
            throw new UserErrorException(
                $"The model that the run {run} began with has other weights by now; put the right ones "
                + "there, then resume the run.");
        }

        replica.Loaded(checkpoint.Step);
        return manifest;
    }

    /// <summary>A checkpoint may hold more than the replica trains: its frozen parameters too.</summary>
    private static void Write(
        IReplica replica, ReplicaPart part, ParameterLayout layout, long start, ReadOnlySpan<float> values)
    {
        foreach (var (slice, offset, first, count) in layout.Parts(start, values.Length))
        {
            if (replica.Layout.Find(slice.Parameter.Id) is { } trained)
                replica.Write(part, trained.Start + offset, values.Slice(first, count));
            else if (part == ReplicaPart.Parameters)
            {
                var ofBase = replica.Parameters.Base[slice.Parameter.Id].Start;
                replica.WriteBase(ofBase + offset, values.Slice(first, count));
            }
        }
    }

    /// <summary>
    /// Reads parts of a checkpoint. A copy that turns out to be bad may have given some elements before: a later one
    /// gives all of them again.
    /// </summary>
    /// <returns>What the checkpoint says of itself.</returns>
    /// <exception cref="CheckpointLoadException">It verifies nowhere that can be reached.</exception>
    public async Task<CheckpointManifest> Read(
        RunName run,
        CheckpointEntry checkpoint,
        ReplicaPart[] parts,
        CheckpointSink sink,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var met = new List<string>();
        var (here, manifest) = TryHere(run, checkpoint, parts, sink, met, cancellation);
        if (manifest is not null)
            return manifest;
        var unseen = checkpoint.Holders().ToList();
        if (here != CopyHere.CannotBeRead)
            unseen.RemoveAll(holder => IsOn(holder, new SiloDisk(silo.Name, silo.DataFolderId)));
        foreach (var peer in await Peers(checkpoint, met))
        {
            cancellation.ThrowIfCancellationRequested();
            var folder = CheckpointStore.RelativeFolderOf(run, checkpoint.Step);
            var answer = await peers.Bring(folder, peer.Silo);
            if (answer.Outcome == CopyOutcome.IsHere
                && TryHere(run, checkpoint, parts, sink, met, cancellation).Manifest is { } copied)
                return copied;
            if (answer.Reason is { } reason)
                met.Add($"it could not be copied from silo {peer.Silo}: {reason}");
            if (answer.Outcome != CopyOutcome.Failed)
                unseen.RemoveAll(holder => IsOn(holder, peer));
        }

        // Whatever keeps it from being read may pass.
        if (here == CopyHere.CannotBeRead)
            store.PutBack(run, checkpoint.Step);
        var said = met.Count > 0 ? string.Join("; ", met) : "no silo that can be reached has it on its disk";
        throw new CheckpointLoadException(new WorkerFailure(
            said,
            unseen.Count == 0 ? FailureKind.CheckpointDamaged : FailureKind.CheckpointUnreachable,
            checkpoint.Step));
    }

    private (CopyHere Here, CheckpointManifest? Manifest) TryHere(
        RunName run,
        CheckpointEntry checkpoint,
        ReplicaPart[] parts,
        CheckpointSink sink,
        List<string> met,
        CancellationToken cancellation)
    {
        if (!store.Holds(run, checkpoint.Step))
            return (CopyHere.IsMissing, null);
        try
        {
            return (CopyHere.IsRead, store.Read(run, checkpoint, parts, sink, cancellation));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException
            or InvalidDataException or UserErrorException)
        {
            store.SetAside(run, checkpoint.Step, exception);
            met.Add(exception.Message.TrimEnd('.'));
            return (SaysWhatLiesHere(exception) ? CopyHere.IsBad : CopyHere.CannotBeRead, null);
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
    private async Task<IReadOnlyList<SiloDisk>> Peers(CheckpointEntry checkpoint, List<string> met)
    {
        try
        {
            var holders = checkpoint.Holders().ToList();
            return [.. (await peers.List()).OrderBy(peer => (uint)holders.FindIndex(holder => IsOn(holder, peer)))];
        }
        catch (IOException problem)
        {
            met.Add(problem.Message.TrimEnd('.'));
            return [];
        }
    }

    /// <summary>What came of the copy on this silo's disk.</summary>
    private enum CopyHere
    {
        IsRead,
        IsMissing,
        IsBad,
        CannotBeRead,
    }

    /// <summary>
    /// Silos may share a data folder, and one that comes back under its name with another is all that will come back.
    /// </summary>
    private static bool IsOn(CheckpointHolder holder, SiloDisk disk) =>
        disk.Silo == holder.Silo || disk.DataFolderId == holder.DataFolderId;
}

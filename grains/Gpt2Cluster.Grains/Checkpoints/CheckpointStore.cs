using System.Globalization;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Grains.Placement;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>
/// The checkpoints on this silo's disk: <c>runs/RUN/checkpoints/STEP/</c> with a safetensors file for each part and a
/// manifest. A checkpoint appears whole or not at all, and only one that verifies is loaded.
/// </summary>
public partial class CheckpointStore(SiloContext silo, IDataDisk disk, ILogger<CheckpointStore> logger)
{
    /// <summary>The folder of a run's checkpoints, below the run's own.</summary>
    public const string CheckpointsFolder = "checkpoints";

    /// <summary>
    /// Copies that did not verify and are kept for a look, of one run in one data folder. Each is as large as a sound
    /// one.
    /// </summary>
    public const int KeptDamagedCount = 3;

    private const string DamagedSuffix = ".damaged";

    private readonly ReplacedCheckpoint replaced = new(disk);

    /// <summary>Where the checkpoint of a step lies.</summary>
    public string FolderOf(RunName run, long step) => Path.Combine(silo.DataFolder, RelativeFolderOf(run, step));

    /// <summary>The same below the data folder, as model stores name it.</summary>
    public static string RelativeFolderOf(RunName run, long step) =>
        Path.Combine(RelativeFolderOf(run), CheckpointFiles.FolderName(step));

    /// <summary>The checkpoints of a run on this disk, newest first.</summary>
    public IReadOnlyList<long> StepsOf(RunName run) => StepsOf(run, suffix: "");

    /// <summary>
    /// Whether a checkpoint lies on this disk; one that was moved out of the way for another that never came is put
    /// back.
    /// </summary>
    internal bool Holds(RunName run, long step) => replaced.PutBack(FolderOf(run, step));

    /// <summary>Reads a checkpoint's manifest.</summary>
    /// <exception cref="IOException">It is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is no manifest, or contradicts itself.</exception>
    public CheckpointManifest ManifestOf(RunName run, long step) =>
        CheckpointManifest.Read(disk.ReadText(Path.Combine(FolderOf(run, step), CheckpointManifest.FileName)));

    /// <summary>The checkpoints of a run on this disk whose manifests can be read, newest first.</summary>
    public IEnumerable<FoundCheckpoint> List(RunName run)
    {
        replaced.PutAllBack(Path.Combine(silo.DataFolder, RelativeFolderOf(run)));
        foreach (var step in StepsOf(run))
        {
            if (TryRead(run, step) is { } manifest)
                yield return new FoundCheckpoint(EntryOf(run, manifest), manifest.Record);
        }
    }

    /// <summary>A checkpoint on this disk, as a catalogue names it.</summary>
    private CheckpointEntry EntryOf(RunName run, CheckpointManifest manifest) => new(
        manifest.Step,
        manifest.StateHash,
        silo.Name,
        FolderOf(run, manifest.Step),
        manifest.ValidationLoss,
        silo.DataFolderId);

    /// <summary>
    /// Writes and publishes a checkpoint: its parts, the manifest, a flush, then one rename in the place of whatever
    /// has its name.
    /// </summary>
    /// <exception cref="IOException">The disk is full, or something else is wrong with it; nothing is left
    /// behind.</exception>
    internal async Task<CheckpointEntry> Publish(IReplicaSnapshot snapshot, RunRecord record, WriteCheckpoint order)
    {
        var run = record.Specification.Run;
        var target = FolderOf(run, order.Step);
        using var staged = await disk.Run("stage a checkpoint", () => disk.Stage(target));
        var manifest = await WriteParts(staged.Path, snapshot, record, order);
        await disk.Run("write a manifest", () =>
        {
            disk.WriteText(Path.Combine(staged.Path, CheckpointManifest.FileName), manifest.Write());
            return manifest;
        });
        FaultPoints.Reach(FaultPoint.Fsync, order.Step);
        await Flush(staged);
        return await disk.Run("publish a checkpoint", () =>
        {
            replaced.Replace(staged, target, order.Step);
            return EntryOf(run, manifest);
        });
    }

    /// <summary>Makes what was written survive a loss of power before it gets its name.</summary>
    protected virtual Task Flush(IStagedFolder staged)
    {
        ArgumentNullException.ThrowIfNull(staged);
        return disk.Run("flush a checkpoint", () =>
        {
            staged.Flush();
            return staged;
        });
    }

    private async Task<CheckpointManifest> WriteParts(
        string folder, IReplicaSnapshot snapshot, RunRecord record, WriteCheckpoint order)
    {
        var layout = record.Specification.Parameters().Trained;
        var files = new List<CheckpointFile>();
        var pieces = new List<string>();
        foreach (var part in Enum.GetValues<ReplicaPart>())
        {
            if (!snapshot.Has(part))
            {
                pieces.Add(CheckpointFiles.ZeroPieces(layout));
                continue;
            }

            var (file, hashes) = await disk.Run(
                $"write a checkpoint's {part}", () => disk.WritePart(folder, snapshot, part, layout));
            files.Add(file);
            pieces.Add(Convert.ToHexStringLower(hashes));
        }

        return new CheckpointManifest
        {
            Step = order.Step,
            StateHash = StateHash.Combine(
                order.Step,
                Convert.FromHexString(pieces[0]),
                Convert.FromHexString(pieces[1]),
                Convert.FromHexString(pieces[2]),
                snapshot.FrozenHash),
            FrozenHash = snapshot.FrozenHash,
            ParameterPieces = pieces[0],
            FirstMomentPieces = pieces[1],
            SecondMomentPieces = pieces[2],
            Files = files,
            ValidationLoss = order.ValidationLoss,
            Record = record,
        };
    }

    /// <summary>
    /// Deletes checkpoints that are older than the newest of those kept and none of them; what cannot be deleted is
    /// logged and left for the next time.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="kept">The steps of those kept; with none, nothing is deleted.</param>
    /// <param name="lives">
    /// The lives of the name that the run is: what others wrote stays. Empty for a run without, whose they all are.
    /// </param>
    public void DeleteAllBut(RunName run, IReadOnlyCollection<long> kept, IReadOnlyCollection<string> lives)
    {
        ArgumentNullException.ThrowIfNull(kept);
        ArgumentNullException.ThrowIfNull(lives);
        if (kept.Count > 0)
        {
            var expired = StepsOf(run).Where(step => IsExpired(step, kept));
            // Looked at one by one, each directly before it goes.
            RemoveFolders(run, expired.Select(step => FolderOf(run, step))
                .Where(folder => lives.Count == 0 || !IsOfOthers(folder, lives)));
        }
    }

    /// <summary>Whether a step's checkpoint may go: what is newer than all that are kept is not known of yet.</summary>
    protected virtual bool IsExpired(long step, IReadOnlyCollection<long> kept) =>
        step < kept.Max() && !kept.Contains(step);

    /// <summary>Reads parts of the copy that lies here; every piece is verified.</summary>
    /// <returns>What the copy says of itself.</returns>
    /// <exception cref="IOException">Something of it is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It contradicts itself or the catalogue.</exception>
    /// <exception cref="UserErrorException">A file is no sound safetensors file.</exception>
    public CheckpointManifest Read(
        RunName run,
        CheckpointEntry checkpoint,
        IEnumerable<ReplicaPart> parts,
        CheckpointSink sink,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        ArgumentNullException.ThrowIfNull(parts);
        var manifest = ManifestOf(run, checkpoint.Step);
        if (manifest.StateHash != checkpoint.StateHash)
        {
            throw new InvalidDataException(
                $"the copy on silo {silo.Name} has the state hash {manifest.StateHash} and the catalogue names "
                + checkpoint.StateHash);
        }

        string[] pieces = [manifest.ParameterPieces, manifest.FirstMomentPieces, manifest.SecondMomentPieces];
        var (folder, layout) = (FolderOf(run, checkpoint.Step), manifest.Layout());
        foreach (var part in parts.Where(part => manifest.Files.Any(file => file.Name == CheckpointFiles.NameOf(part))))
            ReadPart(folder, part, Convert.FromHexString(pieces[(int)part]), layout, sink, cancellation);
        return manifest;
    }

    private void ReadPart(
        string folder,
        ReplicaPart part,
        byte[] pieces,
        ParameterLayout layout,
        CheckpointSink sink,
        CancellationToken cancellation)
    {
        using var file = disk.OpenPart(folder, part, layout);
        var elements = new float[Math.Min(StateHash.PieceElements, file.Length)];
        Span<byte> found = stackalloc byte[StateHash.PieceHashBytes];
        for (var index = 0; index < StateHash.PieceCount(file.Length); index++)
        {
            cancellation.ThrowIfCancellationRequested();
            var start = (long)index * StateHash.PieceElements;
            var piece = elements.AsSpan(0, StateHash.ElementsOfPiece(file.Length, index));
            file.Read(start, piece);
            StateHash.HashPiece(piece, found);
            if (!IsSound(found, pieces.AsSpan(index * StateHash.PieceHashBytes, StateHash.PieceHashBytes)))
            {
                throw new InvalidDataException(
                    $"{file.Path}: elements {start} to {start + piece.Length - 1} do not have the manifest's hash");
            }

            sink(part, layout, start, piece);
        }
    }

    /// <summary>Whether a piece is what was written.</summary>
    protected virtual bool IsSound(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> written) => hash.SequenceEqual(written);

    /// <summary>
    /// Takes a copy that does not verify out of the way; it is kept beside its place, and of those set aside before the
    /// newest, <see cref="KeptDamagedCount"/> in all.
    /// </summary>
    internal void SetAside(RunName run, long step, Exception cause)
    {
        var folder = FolderOf(run, step);
        var aside = folder + DamagedSuffix;
        LogDamaged(cause, run, step, aside);
        try
        {
            // What another worker, or a silo that shares this folder, has set aside meanwhile stays.
            if (!disk.Exists(folder))
                return;
            disk.Remove(aside);
            disk.Move(folder, aside);
        }
        catch (IOException) when (!disk.Exists(folder))
        {
            // It was faster.
        }

        var older = StepsOf(run, DamagedSuffix).Where(other => other != step).Skip(KeptDamagedCount - 1);
        RemoveFolders(run, older.Select(other => FolderOf(run, other) + DamagedSuffix));
    }

    /// <summary>
    /// Sets a checkpoint aside that lies where one of that state hash belongs and is another: of an earlier life of the
    /// run, or one whose manifest cannot be read.
    /// </summary>
    /// <exception cref="IOException">It cannot be moved.</exception>
    internal void SetOthersAside(string relativeFolder, string stateHash)
    {
        var run = RunName.Parse(Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(relativeFolder)))!);
        var step = long.Parse(Path.GetFileName(relativeFolder), CultureInfo.InvariantCulture);
        var folder = FolderOf(run, step);
        if (!disk.Exists(folder) || TryRead(run, step)?.StateHash == stateHash)
            return;
        SetAside(run, step, new InvalidDataException($"The checkpoint in {folder} is not that of state {stateHash}."));
    }

    /// <summary>Takes back that a copy was set aside, unless another one lies in its place.</summary>
    internal void PutBack(RunName run, long step)
    {
        var folder = FolderOf(run, step);
        try
        {
            if (disk.Exists(folder + DamagedSuffix) && !disk.Exists(folder))
                disk.Move(folder + DamagedSuffix, folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogNotPutBack(exception, run, step);
        }
    }

    /// <summary>The steps of folders whose names are a step and a suffix, newest first.</summary>
    private List<long> StepsOf(RunName run, string suffix) =>
    [
        .. disk.FoldersIn(Path.Combine(silo.DataFolder, RelativeFolderOf(run)))
            .Where(name => name.EndsWith(suffix, StringComparison.Ordinal))
            .Select(name => long.TryParse(name[..^suffix.Length], out var step) ? step : -1)
            .Where(step => step >= 0)
            .OrderDescending(),
    ];

    private CheckpointManifest? TryRead(RunName run, long step) =>
        TryReadAt(FolderOf(run, step)) is { } manifest && manifest.Step == step ? manifest : null;

    private static string RelativeFolderOf(RunName run) =>
        Path.Combine("runs", run.ToString(), CheckpointsFolder);

    private void RemoveFolders(RunName run, IEnumerable<string> folders)
    {
        try
        {
            foreach (var folder in folders)
                disk.Remove(folder);
        }
        catch (DirectoryNotFoundException)
        {
            // Another silo that shares this folder is at it.
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogNotDeleted(exception, run);
        }
    }

    [LoggerMessage(401, LogLevel.Warning,
        "The checkpoint of run {Run}, step {Step}, does not verify; it lies in {Folder} now.")]
    private partial void LogDamaged(Exception exception, RunName run, long step, string folder);

    [LoggerMessage(403, LogLevel.Warning,
        "The checkpoint of run {Run}, step {Step}, could not be put back where it was.")]
    private partial void LogNotPutBack(Exception exception, RunName run, long step);

    [LoggerMessage(402, LogLevel.Warning, "Expired checkpoints of run {Run} could not be deleted.")]
    private partial void LogNotDeleted(Exception exception, RunName run);
}

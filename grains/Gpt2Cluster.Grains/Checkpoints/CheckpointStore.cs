using System.Text.Json;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Storage;
using Gpt2Cluster.Grains.Placement;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>
/// The checkpoints on this silo's disk: <c>runs/RUN/checkpoints/STEP/</c> with a safetensors file for each part and a
/// manifest. A checkpoint appears whole or not at all, and only one that verifies is loaded.
/// </summary>
public sealed partial class CheckpointStore(SiloContext silo, IGrainFactory grains, ILogger<CheckpointStore> logger)
{
    private const string CheckpointsFolder = "checkpoints";
    private const string DamagedSuffix = ".damaged";
    private const string ReplacedSuffix = ".replaced";

    /// <summary>Where the checkpoint of a step lies.</summary>
    public string FolderOf(string run, long step) => Path.Combine(silo.DataFolder, RelativeFolderOf(run, step));

    /// <summary>The same below the data folder, as model stores name it.</summary>
    public static string RelativeFolderOf(string run, long step) =>
        Path.Combine("runs", run, CheckpointsFolder, CheckpointFiles.FolderName(step));

    /// <summary>The checkpoints of a run on this disk, newest first.</summary>
    public IReadOnlyList<long> StepsOf(string run)
    {
        var folder = Path.Combine(silo.DataFolder, "runs", run, CheckpointsFolder);
        return Directory.Exists(folder)
            ? [.. Directory.EnumerateDirectories(folder)
                .Select(path => long.TryParse(Path.GetFileName(path), out var step) ? step : -1)
                .Where(step => step >= 0)
                .OrderDescending()]
            : [];
    }

    /// <summary>Reads a checkpoint's manifest.</summary>
    /// <exception cref="DamagedCheckpointException">It is missing or cannot be read.</exception>
    public CheckpointManifest ManifestOf(string run, long step)
    {
        try
        {
            var path = Path.Combine(FolderOf(run, step), CheckpointManifest.FileName);
            return CheckpointManifest.Read(File.ReadAllText(path));
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException)
        {
            throw SetAside(run, step, exception);
        }
    }

    /// <summary>Writes and publishes a checkpoint.</summary>
    /// <exception cref="IOException">The disk is full, or something else is wrong with it; nothing is left
    /// behind.</exception>
    internal CheckpointManifest Publish(ReplicaSnapshot snapshot, RunSpecification specification, CheckpointPlan plan)
    {
        var layout = new ParameterLayout(specification.Model.Shape);
        var target = FolderOf(plan.Run, plan.Step);
        using var staged = new StagedFolder(target);
        var files = new List<CheckpointFile>();
        var pieces = Enum.GetValues<ReplicaPart>().Select(part =>
        {
            if (!snapshot.Has(part))
                return CheckpointFiles.ZeroPieces(layout);
            var (file, hashes) = CheckpointFiles.Write(staged.Path, snapshot, part, layout);
            files.Add(file);
            return Convert.ToHexStringLower(hashes);
        }).ToArray();
        var manifest = new CheckpointManifest
        {
            Step = plan.Step,
            StateHash = StateHash.Combine(
                plan.Step,
                Convert.FromHexString(pieces[0]),
                Convert.FromHexString(pieces[1]),
                Convert.FromHexString(pieces[2])),
            ParameterPieces = pieces[0],
            FirstMomentPieces = pieces[1],
            SecondMomentPieces = pieces[2],
            Files = files,
            ValidationLoss = plan.ValidationLoss,
            Record = JsonSerializer.Deserialize<RunRecord>(plan.RecordJson, SpecificationJson.Options)!,
        };
        File.WriteAllText(staged.File(CheckpointManifest.FileName), manifest.Write());
        MakeRoom(target);
        staged.Publish();
        RemoveFolder(target + ReplacedSuffix);
        return manifest;
    }

    /// <summary>Deletes checkpoints that are not kept any more; what cannot be deleted is left and logged.</summary>
    internal void Delete(string run, IEnumerable<long> steps)
    {
        foreach (var step in steps)
        {
            try
            {
                RemoveFolder(FolderOf(run, step));
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                LogNotDeleted(exception, run, step);
            }
        }
    }

    /// <summary>
    /// Loads a checkpoint into a replica, from another silo's disk if it is not on this one. Called on the compute
    /// thread.
    /// </summary>
    /// <exception cref="DamagedCheckpointException">It does not verify; it has been set aside.</exception>
    public void Load(
        IReplica replica, string run, long step, IReadOnlyList<string> holders, CancellationToken cancellation) =>
        replica.Loaded(Load(replica, run, step, holders, Enum.GetValues<ReplicaPart>(), cancellation));

    /// <summary>Loads only a checkpoint's parameters; the caller ends with <see cref="IReplica.Loaded"/>.</summary>
    /// <exception cref="DamagedCheckpointException">It does not verify; it has been set aside.</exception>
    public void LoadParameters(
        IReplica replica, string run, long step, IReadOnlyList<string> holders, CancellationToken cancellation) =>
        Load(replica, run, step, holders, [ReplicaPart.Parameters], cancellation);

    private long Load(
        IReplica replica,
        string run,
        long step,
        IReadOnlyList<string> holders,
        ReplicaPart[] parts,
        CancellationToken cancellation)
    {
        BringHere(run, step, holders);
        var manifest = ManifestOf(run, step);
        try
        {
            string[] pieces = [manifest.ParameterPieces, manifest.FirstMomentPieces, manifest.SecondMomentPieces];
            foreach (var part in parts)
            {
                if (manifest.Files.Any(file => file.Name == CheckpointFiles.NameOf(part)))
                    CheckpointFiles.Read(FolderOf(run, step), part, pieces[(int)part], replica, cancellation);
            }
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException or Core.UserErrorException)
        {
            throw SetAside(run, step, exception);
        }

        return manifest.Step;
    }

    private void BringHere(string run, long step, IReadOnlyList<string> holders)
    {
        if (Directory.Exists(FolderOf(run, step)))
            return;
        var store = grains.GetGrain<IModelStore>(silo.Name);
        foreach (var holder in holders.Where(holder => holder != silo.Name))
        {
            if (store.Bring(RelativeFolderOf(run, step), holder).GetAwaiter().GetResult())
                return;
        }
    }

    /// <summary>A run that goes on from an older checkpoint comes by the same step again.</summary>
    private static void MakeRoom(string target)
    {
        RemoveFolder(target + ReplacedSuffix);
        if (Directory.Exists(target))
            Directory.Move(target, target + ReplacedSuffix);
    }

    private static void RemoveFolder(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }

    private DamagedCheckpointException SetAside(string run, long step, Exception cause)
    {
        var folder = FolderOf(run, step);
        if (Directory.Exists(folder))
        {
            RemoveFolder(folder + DamagedSuffix);
            Directory.Move(folder, folder + DamagedSuffix);
        }

        LogDamaged(cause, run, step, folder + DamagedSuffix);
        return new DamagedCheckpointException(
            step, $"The checkpoint of step {step} does not verify ({cause.Message}); it was set aside.", cause);
    }

    [LoggerMessage(401, LogLevel.Warning,
        "The checkpoint of run {Run}, step {Step}, does not verify; it lies in {Folder} now.")]
    private partial void LogDamaged(Exception exception, string run, long step, string folder);

    [LoggerMessage(402, LogLevel.Warning, "The expired checkpoint of run {Run}, step {Step}, could not be deleted.")]
    private partial void LogNotDeleted(Exception exception, string run, long step);
}

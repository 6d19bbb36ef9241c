using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Simulator.Workers;

namespace Gpt2Cluster.Simulator.Disk;

/// <summary>The run's checkpoints on a silo's disk, as the real store of them keeps them.</summary>
/// <param name="disk">The disk.</param>
/// <param name="silo">Whose it is.</param>
internal sealed class CheckpointFolder(SimulatedDisk disk, SiloName silo)
{
    private const string DamagedSuffix = ".damaged";

    /// <summary>The disk.</summary>
    public SimulatedDisk Disk => disk;

    /// <summary>Where a step's checkpoint lies.</summary>
    public static string PathOf(long step) => step.ToString("D8", CultureInfo.InvariantCulture);

    /// <summary>The file of a part.</summary>
    public static string FileOf(int part) => $"{(ReplicaPart)part}".ToLowerInvariant();

    /// <summary>The manifest of a step; null if there is none.</summary>
    /// <exception cref="InvalidDataException">It is no manifest.</exception>
    public CheckpointManifest? ManifestOf(long step) =>
        disk.Find(PathOf(step))?.GetValueOrDefault(CheckpointManifest.FileName) is { } file
            ? CheckpointManifest.Read(Encoding.UTF8.GetString(file.Bytes))
            : null;

    /// <summary>The checkpoints whose manifests can be read.</summary>
    public IEnumerable<FoundCheckpoint> List()
    {
        foreach (var step in Steps())
        {
            if (TryManifest(step) is { } manifest && manifest.Step == step)
            {
                yield return new FoundCheckpoint(
                    new CheckpointEntry(
                        step, manifest.StateHash, silo, PathOf(step), manifest.ValidationLoss, disk.Id),
                    manifest.Record);
            }
        }
    }

    /// <summary>Deletes what is older than the newest of those kept and none of them.</summary>
    public void DeleteAllBut(IReadOnlyCollection<long> kept)
    {
        foreach (var step in Steps().Where(step => step < kept.Max() && !kept.Contains(step)).ToList())
            disk.Remove(PathOf(step));
    }

    /// <summary>Whether a step's checkpoint lies here, sound or not.</summary>
    public bool Has(long step) => disk.Find(PathOf(step)) is not null;

    /// <summary>Loads a checkpoint; every part is verified.</summary>
    /// <exception cref="InvalidDataException">It does not verify.</exception>
    public void Read(SimulatedReplica replica, CheckpointEntry checkpoint)
    {
        var manifest = ManifestOf(checkpoint.Step) ?? throw new InvalidDataException("there is no manifest");
        if (manifest.StateHash != checkpoint.StateHash)
            throw new InvalidDataException("the copy has another state hash");
        string[] pieces = [manifest.ParameterPieces, manifest.FirstMomentPieces, manifest.SecondMomentPieces];
        for (var part = 0; part < pieces.Length; part++)
        {
            var bytes = disk.Find(PathOf(checkpoint.Step))!.GetValueOrDefault(FileOf(part))?.Bytes;
            if (bytes is null || bytes.Length != replica.Parts[part].Length * sizeof(float))
                throw new InvalidDataException($"{FileOf(part)} is cut short");
            if (Convert.ToHexStringLower(SHA256.HashData(bytes)) != pieces[part])
                throw new InvalidDataException($"{FileOf(part)} has another hash");
            replica.Write(part, 0, bytes);
        }
    }

    /// <summary>Takes a copy that does not verify out of the way.</summary>
    public void SetAside(long step)
    {
        disk.Rename(PathOf(step), PathOf(step) + DamagedSuffix);
        disk.FlushNames();
    }

    /// <summary>Sets aside what lies in a checkpoint's place and is another, or none.</summary>
    public void SetOthersAside(long step, string stateHash)
    {
        if (Has(step) && TryManifest(step)?.StateHash != stateHash)
            SetAside(step);
    }

    private IEnumerable<long> Steps() => disk.Folders
        .Where(name => long.TryParse(name, out _))
        .Select(name => long.Parse(name, CultureInfo.InvariantCulture))
        .OrderDescending();

    private CheckpointManifest? TryManifest(long step)
    {
        try
        {
            return ManifestOf(step);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }
}

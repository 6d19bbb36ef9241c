using System.Security.Cryptography;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Grains.Models;

namespace Gpt2Cluster.Grains.Tests.Checkpoints;

/// <summary>The other silos of a test: what lies in their data folders is copied, unless it is damaged.</summary>
/// <param name="own">The silo that asks.</param>
/// <param name="others">Those that are in the cluster.</param>
internal sealed class FakePeers(StoredRuns own, params StoredRuns[] others) : IPeerDisks
{
    /// <summary>Names of silos that are in the cluster and do not answer.</summary>
    public HashSet<string> Mute { get; } = [];

    public bool HasCluster { get; set; } = true;

    public Task<IReadOnlyList<SiloDisk>> List() => HasCluster
        ? Task.FromResult<IReadOnlyList<SiloDisk>>(
            [.. others.Select(other => new SiloDisk(other.Silo.Name, other.Silo.DataFolderId))])
        : throw new IOException("the cluster cannot be asked");

    public Task<CopyAnswer> Bring(string relativeFolder, SiloName fromSilo) =>
        Task.FromResult(Copy(relativeFolder, fromSilo));

    private CopyAnswer Copy(string relativeFolder, SiloName fromSilo)
    {
        if (Mute.Contains(fromSilo.ToString()))
            return new CopyAnswer(CopyOutcome.Failed, "no answer");
        var from = Path.Combine(others.Single(other => other.Silo.Name == fromSilo).Silo.DataFolder, relativeFolder);
        if (!Directory.Exists(from))
            return new CopyAnswer(CopyOutcome.IsNotThere);
        if (IsDamaged(from))
            return new CopyAnswer(CopyOutcome.IsDamaged, "it is damaged there");
        var to = Directory.CreateDirectory(Path.Combine(own.Silo.DataFolder, relativeFolder)).FullName;
        foreach (var file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        return new CopyAnswer(CopyOutcome.IsHere);
    }

    private static bool IsDamaged(string folder)
    {
        var manifest = CheckpointManifest.Read(File.ReadAllText(Path.Combine(folder, CheckpointManifest.FileName)));
        return manifest.Files.Any(file => file.Sha256 != HashOf(Path.Combine(folder, file.Name)));
    }

    private static string HashOf(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
}

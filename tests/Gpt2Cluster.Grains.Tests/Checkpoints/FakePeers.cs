using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Grains.Models;

namespace Gpt2Cluster.Grains.Tests.Checkpoints;

/// <summary>The other silos of a test: what lies in their data folders is copied as it is.</summary>
/// <param name="own">The silo that asks.</param>
/// <param name="others">Those that are in the cluster.</param>
internal sealed class FakePeers(StoredRuns own, params StoredRuns[] others) : IPeerDisks
{
    /// <summary>Names of silos that are in the cluster and do not answer.</summary>
    public HashSet<string> Mute { get; } = [];

    public bool HasCluster { get; set; } = true;

    public IReadOnlyList<PeerDisk> List() => HasCluster
        ? [.. others.Select(other => new PeerDisk(other.Silo.Name, other.Silo.DataFolderId))]
        : throw new IOException("the cluster cannot be asked");

    public CopyAnswer Bring(string relativeFolder, string fromSilo)
    {
        if (Mute.Contains(fromSilo))
            return new CopyAnswer(CopyOutcome.Failed, "no answer");
        var from = Path.Combine(others.Single(other => other.Silo.Name == fromSilo).Silo.DataFolder, relativeFolder);
        if (!Directory.Exists(from))
            return new CopyAnswer(CopyOutcome.IsNotThere);
        var to = Directory.CreateDirectory(Path.Combine(own.Silo.DataFolder, relativeFolder)).FullName;
        foreach (var file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        return new CopyAnswer(CopyOutcome.IsHere);
    }
}

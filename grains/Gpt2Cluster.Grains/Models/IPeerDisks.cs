using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Models;

/// <summary>The disk of another silo that is in the cluster now.</summary>
/// <param name="SiloName">The silo.</param>
/// <param name="DataFolderId">Names its data folder, which silos may share.</param>
public readonly record struct PeerDisk(string SiloName, string DataFolderId);

/// <summary>
/// The disks of the other silos. Everything blocks: call it on a thread of its own, never in a grain's turn.
/// </summary>
public interface IPeerDisks
{
    /// <summary>Those that are in the cluster now, by name.</summary>
    /// <exception cref="IOException">The cluster does not answer.</exception>
    IReadOnlyList<PeerDisk> List();

    /// <summary>Copies a stored folder from a silo's disk to this one, unless it is here already.</summary>
    CopyAnswer Bring(string relativeFolder, string fromSilo);
}

/// <summary>Asks the grains that hold them.</summary>
internal sealed class PeerDisks(SiloContext silo, IGrainFactory grains) : IPeerDisks
{
    /// <inheritdoc/>
    public IReadOnlyList<PeerDisk> List()
    {
        try
        {
            var view = grains.GetGrain<ICluster>(GrainKeys.Cluster).Describe().WaitHere();
            return
            [
                .. view.Silos.Where(other => other.Name != silo.Name)
                    .Select(other => new PeerDisk(other.Name, other.DataFolderId)),
            ];
        }
        catch (Exception problem) when (Outage.Is(problem))
        {
            throw new IOException("the cluster cannot be asked for its silos", problem);
        }
    }

    /// <inheritdoc/>
    public CopyAnswer Bring(string relativeFolder, string fromSilo)
    {
        try
        {
            return grains.GetGrain<IModelStore>(silo.Name).BringAll(relativeFolder, fromSilo).WaitHere();
        }
        catch (Exception problem) when (Outage.Is(problem))
        {
            return new CopyAnswer(CopyOutcome.Failed, Outage.Words(problem, fromSilo));
        }
    }
}

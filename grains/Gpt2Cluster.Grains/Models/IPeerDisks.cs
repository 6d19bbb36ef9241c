using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Models;

/// <summary>The disks of the other silos.</summary>
public interface IPeerDisks
{
    /// <summary>Those that are in the cluster now, by name.</summary>
    /// <exception cref="IOException">The cluster does not answer.</exception>
    Task<IReadOnlyList<SiloDisk>> List();

    /// <summary>Copies a stored folder from a silo's disk to this one, unless it is here already.</summary>
    Task<CopyAnswer> Bring(string relativeFolder, SiloName fromSilo);

    /// <summary>
    /// Copies a stored folder from the first silo that has it. Blocks: call it on a thread of its own, never in a
    /// grain's turn.
    /// </summary>
    /// <exception cref="IOException">The cluster does not answer.</exception>
    bool BringFromAny(string relativeFolder) => List().WaitHere()
        .Any(peer => Bring(relativeFolder, peer.Silo).WaitHere().Outcome == CopyOutcome.IsHere);
}

/// <summary>Asks the grains that hold them.</summary>
internal sealed class PeerDisks(SiloContext silo, IGrainFactory grains) : IPeerDisks
{
    /// <inheritdoc/>
    public async Task<IReadOnlyList<SiloDisk>> List()
    {
        try
        {
            var view = await grains.Cluster().Describe();
            return
            [
                .. view.Silos.Where(other => other.Name != silo.Name)
                    .Select(other => new SiloDisk(other.Name, other.DataFolderId, other.IsLeaving)),
            ];
        }
        catch (Exception problem) when (TransientErrors.Is(problem))
        {
            throw new IOException("the cluster cannot be asked for its silos", problem);
        }
    }

    /// <inheritdoc/>
    public async Task<CopyAnswer> Bring(string relativeFolder, SiloName fromSilo)
    {
        try
        {
            return await grains.Store(silo.Name).BringAll(relativeFolder, fromSilo);
        }
        catch (Exception problem) when (TransientErrors.Is(problem))
        {
            return new CopyAnswer(CopyOutcome.Failed, TransientErrors.Words(problem, fromSilo));
        }
    }
}

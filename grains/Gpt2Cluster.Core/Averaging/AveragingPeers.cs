using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Averaging;

/// <summary>The members of a run in its present generation, and where the others said they stand.</summary>
internal sealed class AveragingPeers
{
    /// <summary>Positions kept of silos that are no members; they may be members of the next generation.</summary>
    private const int MaxCount = 1024;

    private readonly Dictionary<SiloName, PeerPosition> positions = [];
    private int[] others = [];

    /// <summary>The membership; null before the first.</summary>
    public ExchangeMembership? Membership
    {
        get;
        set
        {
            field = value;
            others = [.. Enumerable.Range(0, value?.Silos.Count ?? 0).Where(silo => silo != value!.OwnIndex)];
        }
    }

    /// <summary>The generation; -1 before the first.</summary>
    public int Generation => Membership?.Generation ?? -1;

    /// <summary>The places of the other silos.</summary>
    public IReadOnlyList<int> Others => others;

    /// <summary>A silo's place; -1 if it is no other member.</summary>
    public int IndexOf(SiloName peer)
    {
        // Once a frame: without an object.
        foreach (var silo in others)
        {
            if (NameOf(silo) == peer)
                return silo;
        }

        return -1;
    }

    /// <summary>The name of the silo in a place.</summary>
    public SiloName NameOf(int silo) => Membership!.Silos[silo].SiloName;

    /// <summary>The place of the silo that reduces a stripe.</summary>
    public int OwnerOf(int stripe) => StripeLayout.Owner(stripe, Membership!.Silos.Count);

    /// <summary>Whether this silo reduces a stripe.</summary>
    public bool IsOwn(int stripe) => OwnerOf(stripe) == Membership!.OwnIndex;

    /// <summary>Takes over what a peer said; false if it has said something else since.</summary>
    public bool TryMove(SiloName peer, PeerPosition position)
    {
        var isKnown = positions.TryGetValue(peer, out var known);
        if (isKnown ? position.Connection < known.Connection : positions.Count >= MaxCount)
            return false;
        positions[peer] = position;
        return true;
    }

    /// <summary>Forgets what a peer said on a connection that broke.</summary>
    public void Forget(SiloName peer, long connection)
    {
        if (positions.TryGetValue(peer, out var known) && known.Connection == connection)
            positions.Remove(peer);
    }

    /// <summary>Whether the silo in a place said that it stands at a step of the present generation.</summary>
    public bool IsAt(int silo, long step) =>
        positions.TryGetValue(NameOf(silo), out var known) && known.Position == new Position(Generation, step);

    /// <summary>Whether a frame of a generation is of the present one.</summary>
    /// <exception cref="PeerFaultException">Its sender is no other member of that.</exception>
    public bool IsOfNow(SiloName peer, int generation)
    {
        if (Membership is null || generation != Generation)
            return false;
        if (IndexOf(peer) < 0)
            throw new PeerFaultException($"It is no other member of run {Membership.Run}.");
        return true;
    }
}

using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Exchange.Averaging;
using Gpt2Cluster.Exchange.Frames;
using Gpt2Cluster.Exchange.Links;

namespace Gpt2Cluster.Exchange;

/// <content>What goes out: to this silo's reducer, and to the other silos.</content>
internal sealed partial class RunExchange
{
    /// <summary>Announcements kept of silos that are no members; they may be members of the next generation.</summary>
    private const int MaxReadyPeerCount = 1024;

    /// <summary>A peer told where it stands: queues for it all it can use of that step.</summary>
    public void PeerReady(string peer, PeerStanding standing)
    {
        lock (gate)
        {
            var isKnown = readyPeers.TryGetValue(peer, out var known);
            if (isKnown ? standing.Connection < known.Connection : readyPeers.Count >= MaxReadyPeerCount)
                return;
            readyPeers[peer] = standing;
            Fill(IndexOf(peer));
        }
    }

    /// <summary>
    /// A link was made, for the first time or again: what was under way on the old one is queued again.
    /// </summary>
    public void LinkUp(OutgoingLink link)
    {
        lock (gate)
        {
            var silo = Array.IndexOf(links, link);
            if (silo < 0)
                return;
            link.Announce(this);
            Fill(silo);
        }
    }

    /// <summary>
    /// A connection from a peer ended: it stands nowhere until it says so again, and is asked to send again.
    /// </summary>
    public void PeerLost(string peer, long connection)
    {
        lock (gate)
        {
            if (readyPeers.TryGetValue(peer, out var known) && known.Connection == connection)
                readyPeers.Remove(peer);
            if (IndexOf(peer) is >= 0 and var silo)
                links[silo]?.Announce(this, again: true);
        }
    }

    /// <summary>Whether a silo is another member of the run.</summary>
    public bool Knows(string peer)
    {
        lock (gate)
        {
            return IndexOf(peer) is >= 0 and var silo && links[silo] is not null;
        }
    }

    private int IndexOf(string peer)
    {
        for (var silo = 0; silo < links.Length; silo++)
        {
            if (membership!.Silos[silo].SiloName == peer)
                return silo;
        }

        return -1;
    }

    private int OwnerOf(int stripe) => StripeLayout.Owner(stripe, membership!.Silos.Count);

    private bool IsReady(int silo, StepExchange step) =>
        readyPeers.TryGetValue(membership!.Silos[silo].SiloName, out var ready)
        && (ready.Generation, ready.Step) == (membership.Generation, step.Step);

    private void AnnounceToAll(bool again = false)
    {
        lock (gate)
        {
            foreach (var link in links)
                link?.Announce(this, again);
        }
    }

    private void Distribute(Subtree node, FlatBuffer sums, List<int> stripes)
    {
        foreach (var stripe in stripes)
        {
            if (!current!.IsAveraged(stripe))
                Forward(OwnerOf(stripe), stripe, node, sums);
        }
    }

    private void Forward(int owner, int stripe, Subtree node, FlatBuffer sums)
    {
        if (owner == membership!.OwnIndex)
            reducer.Add(new LocalOffer(current!, current!.Sums, stripe, node, sums, IsToBeSent: false));
        else if (StaysHere(current!, node))
            reducer.Add(new LocalOffer(current!, current!.Sums, stripe, node, sums, IsToBeSent: true));
        else if (IsReady(owner, current!))
            SendSum(owner, stripe, node, sums);
    }

    /// <summary>
    /// Whether a worker's sum is a part of one that the silo adds up before it sends. Under a newer membership than the
    /// plan's not all workers of the plan need be here any more, and each sum leaves as it is.
    /// </summary>
    private bool StaysHere(StepExchange step, Subtree subtree) =>
        step.Sums.Generation == membership!.Generation && step.Sums.Fold.Takes(subtree);

    /// <summary>A stripe of a sum of several workers is complete: it goes where a worker's would.</summary>
    private void Folded(StepExchange step, PlannedSums sums, int stripe, Subtree subtree, FlatBuffer buffer)
    {
        var ready = new List<int>();
        var range = layout.Range(stripe);
        lock (gate)
        {
            if (disposed || step != current || sums != step.Sums)
                return;
            sums.Locals.Add(subtree, buffer, range.Start, range.End, ready);
            Distribute(subtree, buffer, ready);
        }
    }

    private void Redistribute()
    {
        if (current is null or { IsAlias: true } or { HasAverages: false })
            return;
        var sums = new List<(Subtree Subtree, FlatBuffer Buffer)>();
        for (var stripe = layout.StripeCount - 1; stripe >= 0; stripe--)
        {
            if (current.IsAveraged(stripe))
                continue;
            if (OwnerOf(stripe) != membership!.OwnIndex)
            {
                current.ReductionOrNull(stripe)?.Clear();
                continue;
            }

            current.Sums.Locals.Largest(stripe, sums);
            foreach (var (subtree, buffer) in sums)
                reducer.Add(new LocalOffer(current, current.Sums, stripe, subtree, buffer, IsToBeSent: false));
        }

        for (var silo = 0; silo < links.Length; silo++)
            Fill(silo);
    }

    /// <summary>
    /// Queues for a silo, instead of what may be queued, all it can use of the step it announced: our averages of the
    /// stripes that are ours, and for the stripes that are its own our sums, or the average. It may have sent us that
    /// average itself, and begun the step anew since: a run went back, and its step before became its present one.
    /// </summary>
    private void Fill(int silo)
    {
        if (silo < 0 || links[silo] is not { } link)
            return;
        var step = current is not null && IsReady(silo, current) ? current
            : previous is not null && IsReady(silo, previous) ? previous
            : null;
        if (step is null or { IsAlias: true })
            return;
        link.RemoveFrames(this);
        var sums = new List<(Subtree Subtree, FlatBuffer Buffer)>();
        for (var stripe = layout.StripeCount - 1; stripe >= 0; stripe--)
        {
            var owner = OwnerOf(stripe);
            if (step.IsAveraged(stripe))
            {
                if (owner == silo || owner == membership!.OwnIndex)
                    SendAverage(silo, step, stripe);
            }
            else if (owner == silo && step == current)
            {
                step.Sums.Locals.Largest(stripe, sums);
                foreach (var (subtree, buffer) in sums)
                {
                    if (!StaysHere(step, subtree))
                        SendSum(silo, stripe, subtree, buffer);
                }
            }
        }
    }

    private void SendAverage(int silo, StepExchange step, int stripe) => links[silo]!.Send(new OutgoingFrame(
        this, step, step.AveragesUse, FrameKind.Average, membership!.Generation, stripe, step.Tree.Root,
        step.Averages));

    private void SendSum(int silo, int stripe, Subtree subtree, FlatBuffer buffer) =>
        links[silo]!.Send(new OutgoingFrame(
            this, current!, current!.Sums.Use, FrameKind.Contribution, membership!.Generation, stripe, subtree,
            buffer));
}

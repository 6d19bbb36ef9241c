using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Exchange;

/// <summary>
/// The averaging of the run on one silo, by the rules of the real one: a silo announces the generation and step it
/// stands at, stripes go only to those that announced the same, and whoever announces is sent all that it can use.
/// </summary>
internal sealed class SimulatedExchange(SimulatedCluster cluster, StripeLinks links) : IRunExchange
{
    private readonly Dictionary<string, PeerStanding> readyPeers = [];
    private readonly List<(StepSums Step, TaskCompletionSource Done)> waiting = [];
    private ExchangeMembership? membership;
    private StepSums? current;
    private StepSums? previous;
    private bool isOver;

    /// <summary>The generation it stands at; -1 before the first.</summary>
    public int Generation => membership?.Generation ?? -1;

    /// <summary>The generation and step it stands at.</summary>
    public (int Generation, long Step) Standing => (Generation, current?.Step ?? 0);

    /// <summary>The other silos of the run.</summary>
    public IEnumerable<string> Peers => membership is null
        ? []
        : membership.Silos.Where((_, index) => index != membership.OwnIndex).Select(member => member.SiloName);

    private StripeCut Cut => cluster.Cut;

    /// <inheritdoc/>
    public void Configure(ExchangeMembership membership)
    {
        ObjectDisposedException.ThrowIf(isOver, this);
        if (membership.Generation < Generation)
            return;
        this.membership = membership;
        links.Keep(Peers);
        Redistribute();
        AnnounceToAll(again: false);
    }

    /// <inheritdoc/>
    public void BeginStep(long step, int generation, IReadOnlyList<LeafRange> siloRanges)
    {
        ObjectDisposedException.ThrowIf(isOver, this);
        if (current is { } known && (known.Generation, known.Step).CompareTo((generation, step)) >= 0)
            return;
        var isAgain = current?.Step == step;
        if (isAgain)
            current!.PlanAgain(generation);
        else
            TurnTo(step, generation);
        AnnounceToAll(isAgain);
    }

    /// <summary>A worker of this silo contributes a subtree's sum; the array stays as it is until then.</summary>
    public void Contribute(long step, int generation, Subtree subtree, float[] sums)
    {
        ObjectDisposedException.ThrowIf(isOver, this);
        var begun = (current?.Generation ?? -1, current?.Step ?? 0);
        if ((generation, step).CompareTo(begun) > 0)
            throw new InvalidOperationException($"Step {step} of generation {generation} was not begun here.");
        if ((generation, step) != begun || current!.IsComplete)
            return;
        var node = current.Tree.Normalize(subtree);
        current.Locals[node] = sums;
        for (var stripe = Cut.StripeCount - 1; stripe >= 0; stripe--)
        {
            if (current.IsAveraged(stripe))
                continue;
            var owner = OwnerOf(stripe);
            if (owner == membership!.OwnIndex)
                ReduceLocally(stripe, node, sums);
            else if (IsReady(owner, current))
                SendSum(owner, stripe, node, sums);
        }
    }

    /// <summary>Waits until every stripe of the step's average is here.</summary>
    public async Task<float[]> Wait(long step, CancellationToken cancellation)
    {
        var awaited = StepOf(step) ?? throw new InvalidOperationException($"Nothing of step {step} is held here.");
        if (awaited.IsComplete)
            return awaited.Averages;
        var done = new TaskCompletionSource();
        waiting.Add((awaited, done));
        using var registration = cancellation.Register(() => links.Later(() => done.TrySetCanceled(cancellation)));
        await done.Task;
        return awaited.Averages;
    }

    /// <inheritdoc/>
    public void Withdraw(int generation)
    {
        if (current?.Generation <= generation)
            current.RetireSums();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        isOver = true;
        links.Close(this);
        foreach (var (_, done) in waiting.ToList())
            links.Later(() => done.TrySetException(new ObjectDisposedException("averaging")));
    }

    /// <summary>A peer said where it stands.</summary>
    public void PeerReady(string peer, PeerStanding standing)
    {
        if (readyPeers.TryGetValue(peer, out var known) && standing.Connection < known.Connection)
            return;
        readyPeers[peer] = standing;
        Fill(IndexOf(peer));
    }

    /// <summary>A connection to a peer was made: what was on the one before is sent again.</summary>
    public void LinkUp(string peer)
    {
        if (IndexOf(peer) is not (>= 0 and var silo) || cluster.Mutant == Mutant.BreaksSilently)
            return;
        links.Announce(this, peer, again: false);
        Fill(silo);
    }

    /// <summary>A connection from a peer ended.</summary>
    public void PeerLost(string peer, long connection)
    {
        if (cluster.Mutant == Mutant.BreaksSilently)
            return;
        if (readyPeers.TryGetValue(peer, out var known) && known.Connection == connection)
            readyPeers.Remove(peer);
        if (IndexOf(peer) >= 0)
            links.Announce(this, peer, again: true);
    }

    /// <summary>A stripe arrived.</summary>
    public void Receive(string peer, StripeFrame frame)
    {
        if (isOver || membership is null || frame.Generation != Generation || IndexOf(peer) < 0)
            return;
        var step = StepOf(frame.Step);
        if (step is null || step.IsAveraged(frame.Stripe))
            return;
        if (frame.IsAverage)
        {
            frame.Values.CopyTo(step.Averages.AsSpan(Cut.Range(frame.Stripe).Start));
            Averaged(step, frame.Stripe, frame.Generation, peer);
        }
        else if (step == current && OwnerOf(frame.Stripe) == membership.OwnIndex
            && step.Offer(frame.Stripe, frame.Subtree, frame.Values, cluster.Mutant == Mutant.RunningSum))
        {
            Averaged(step, frame.Stripe, generation: -1, from: null);
        }
    }

    void IRunExchange.Contribute(
        long step, int generation, Subtree subtree, FlatBuffer sums, long start, long end) =>
        throw new NotSupportedException();

    FlatBuffer IRunExchange.WaitForAverages(long step, IAveragesSink? sink, CancellationToken cancellation) =>
        throw new NotSupportedException();

    ExchangeFigures IRunExchange.Figures(long step) => default;

    /// <summary>Whether a step's averages may still be read.</summary>
    public bool Holds(StepSums step) => step == current || step == previous;

    private void TurnTo(long step, int generation)
    {
        if (membership is null)
            throw new InvalidOperationException("The run has no membership here yet.");
        current?.RetireSums();
        previous = current?.Step < step && membership.Silos.Count > 1 ? current : null;
        current = new StepSums(step, generation, membership.LeafCount, Cut);
    }

    private void Redistribute()
    {
        if (current is null)
            return;
        for (var stripe = Cut.StripeCount - 1; stripe >= 0; stripe--)
        {
            if (current.IsAveraged(stripe))
                continue;
            if (OwnerOf(stripe) != membership!.OwnIndex)
            {
                current.Forget(stripe);
                continue;
            }

            foreach (var (subtree, sums) in current.Largest())
                ReduceLocally(stripe, subtree, sums);
        }

        for (var silo = 0; silo < membership!.Silos.Count; silo++)
            Fill(silo);
    }

    /// <summary>Sends a silo all it can use of the step it announced.</summary>
    private void Fill(int silo)
    {
        if (silo < 0 || silo == membership!.OwnIndex)
            return;
        var step = current is not null && IsReady(silo, current) ? current
            : previous is not null && IsReady(silo, previous) ? previous
            : null;
        if (step is null)
            return;
        links.RemoveFrames(membership.Silos[silo].SiloName);
        for (var stripe = Cut.StripeCount - 1; stripe >= 0; stripe--)
        {
            var owner = OwnerOf(stripe);
            if (step.IsAveraged(stripe))
            {
                if (owner == silo || owner == membership.OwnIndex)
                    SendAverage(silo, step, stripe);
            }
            else if (owner == silo && step == current)
            {
                foreach (var (subtree, sums) in step.Largest())
                    SendSum(silo, stripe, subtree, sums);
            }
        }
    }

    // The reducer has a thread of its own: what it reads may have been retired by then.
    private void ReduceLocally(int stripe, Subtree subtree, float[] sums)
    {
        var (step, version) = (current!, current!.SumsVersion);
        links.Later(() =>
        {
            if (isOver || step.SumsVersion != version)
                return;
            var (start, count) = Cut.Range(stripe);
            var values = sums.AsSpan(start, count);
            if (step.Offer(stripe, subtree, values, cluster.Mutant == Mutant.RunningSum))
                Averaged(step, stripe, generation: -1, from: null);
        });
    }

    private void Averaged(StepSums step, int stripe, int generation, string? from)
    {
        var owner = OwnerOf(stripe);
        var isOwn = owner == membership!.OwnIndex;
        step.MarkAveraged(stripe);
        for (var silo = 0; silo < membership.Silos.Count; silo++)
        {
            var lacksIt = isOwn || (silo == owner && generation != Generation);
            if (lacksIt && silo != membership.OwnIndex && membership.Silos[silo].SiloName != from
                && IsReady(silo, step))
                SendAverage(silo, step, stripe);
        }

        if (!step.IsComplete)
            return;
        foreach (var (_, done) in waiting.Where(each => each.Step == step).ToList())
            links.Later(() => done.TrySetResult());
        waiting.RemoveAll(each => each.Step == step);
    }

    private StepSums? StepOf(long step) => current?.Step == step ? current : previous?.Step == step ? previous : null;

    private int OwnerOf(int stripe) => StripeLayout.Owner(stripe, membership!.Silos.Count);

    private int IndexOf(string peer)
    {
        for (var silo = 0; membership is not null && silo < membership.Silos.Count; silo++)
        {
            if (membership.Silos[silo].SiloName == peer && silo != membership.OwnIndex)
                return silo;
        }

        return -1;
    }

    private bool IsReady(int silo, StepSums step) =>
        readyPeers.TryGetValue(membership!.Silos[silo].SiloName, out var ready)
        && (ready.Generation, ready.Step) == (Generation, step.Step);

    private void AnnounceToAll(bool again)
    {
        foreach (var peer in Peers)
            links.Announce(this, peer, again);
    }

    private void SendAverage(int silo, StepSums step, int stripe) =>
        links.Send(this, membership!.Silos[silo].SiloName, new QueuedFrame(
            Generation, step, null, stripe, step.Tree.Root, step.Averages));

    private void SendSum(int silo, int stripe, Subtree subtree, float[] sums) =>
        links.Send(this, membership!.Silos[silo].SiloName, new QueuedFrame(
            Generation, current!, current!.SumsVersion, stripe, subtree, sums));
}

/// <summary>Where another silo said it stands.</summary>
/// <param name="Connection">The number of the connection that said it.</param>
/// <param name="Generation">The generation.</param>
/// <param name="Step">The step.</param>
internal readonly record struct PeerStanding(long Connection, int Generation, long Step);

/// <summary>A stripe that waits to be sent, by reference.</summary>
/// <param name="Generation">The generation it is sent under.</param>
/// <param name="Step">The step.</param>
/// <param name="SumsVersion">Of the sums that may be read; null for an average.</param>
/// <param name="Stripe">Which stripe.</param>
/// <param name="Subtree">Which sum.</param>
/// <param name="Source">The whole vector.</param>
internal sealed record QueuedFrame(
    int Generation, StepSums Step, int? SumsVersion, int Stripe, Subtree Subtree, float[] Source);

/// <summary>A stripe on its way.</summary>
/// <param name="Generation">The generation it was sent under.</param>
/// <param name="Step">The step.</param>
/// <param name="IsAverage">Whether it is an average, or else a sum.</param>
/// <param name="Stripe">Which stripe.</param>
/// <param name="Subtree">Which sum.</param>
/// <param name="Values">Its elements.</param>
internal sealed record StripeFrame(
    int Generation, long Step, bool IsAverage, int Stripe, Subtree Subtree, float[] Values);

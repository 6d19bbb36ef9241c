using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Averaging;

/// <summary>
/// What one silo does for the averaging of one run, decided: who is told what, which sums are added where, what is sent
/// again. Each method is something that happened; what is to be done about it is appended to <see cref="Effects"/>.
/// </summary>
/// <remarks>
/// A silo announces the generation and step it stands at to all others, on every new membership, step and connection,
/// and when a connection from another broke. A silo sends the stripes of a step only to those that announced its own
/// generation and that step; and whenever an announcement arrives it queues for its sender all it holds of that step.
/// So nothing of a step or generation that the receiver has not begun is ever under way, frames wait at their source
/// by reference, and whatever was lost is sent again. Repeats are harmless, so this cannot go wrong by sending too
/// much. It does not stall, because both sides of every pair announce every state they reach, and because an average
/// that is half way here from a silo that is no member any more gives up its place: its present reducer is asked again.
/// </remarks>
/// <param name="layout">How the gradient is cut.</param>
/// <param name="order">Who decides the order of summation; the canonical tree if null.</param>
public class AveragingProtocol(StripeLayout layout, Func<ReductionTree, HeldSubtrees>? order = null)
{
    /// <summary>Stands for the generation of an average that was made here and that no reducer knows of.</summary>
    private const int MadeHere = -1;

    private readonly Func<ReductionTree, HeldSubtrees> order = order ?? (tree => new HeldSubtrees(tree));
    private readonly AveragingPeers peers = new();
    private AveragedStep? current;
    private AveragedStep? previous;
    private bool opensAgain;

    /// <summary>What is to be done; whoever does it clears the list.</summary>
    public List<AveragingEffect> Effects { get; } = [];

    /// <summary>The generation and step this silo stands at.</summary>
    public Position Position => new(peers.Generation, current?.Step ?? 0);

    /// <summary>Whether a step was begun and <see cref="Open"/> is to follow.</summary>
    public bool IsOpening { get; private set; }

    /// <summary>Whether there is one silo and M = 1: a worker's sum may be the average as it stands.</summary>
    public bool ContributionIsAverage => peers.Membership is { Silos.Count: 1, LeafCount: 1 };

    /// <summary>A new membership; sums and averages already here stay usable. An older one is ignored.</summary>
    /// <returns>Whether it was taken over.</returns>
    /// <exception cref="InvalidOperationException">M changes while a step is open.</exception>
    public bool Configure(ExchangeMembership next)
    {
        ArgumentNullException.ThrowIfNull(next);
        if (next.Generation < peers.Generation)
            return false;
        if (current is not null && next.LeafCount != current.Tree.LeafCount)
            throw new InvalidOperationException($"Run {next.Run} has M = {current.Tree.LeafCount} for all its life.");
        var (before, wasAverage) = (peers.Membership, ContributionIsAverage);
        peers.Membership = next;
        Effects.AddRange(peers.Others.Select(silo => new ClearQueue(silo)));
        if (!(wasAverage && ContributionIsAverage))
            RouteAgain(before);

        // A silo that is no member any more may be frozen in the middle of an average.
        foreach (var step in new[] { current, previous }.OfType<AveragedStep>())
            Effects.AddRange(step.States.Senders.Where(peer => !Knows(peer)).Select(peer => new Interrupt(peer)));

        AnnounceToAll(again: false);
        return true;
    }

    /// <summary>Steps whose averages are held at once: with other silos, that before the present one too.</summary>
    public int HeldStepCount => peers.Membership is { Silos.Count: > 1 } ? 2 : 1;

    /// <summary>What this silo would add up before anything of it is sent.</summary>
    public IReadOnlyList<Subtree> SiloSums(IReadOnlyList<LeafRange> siloRanges) =>
        peers.Membership is { Silos.Count: > 1, LeafCount: var leafCount }
            ? Reduction.SiloSums.Folded(new ReductionTree(leafCount), siloRanges)
            : [];

    /// <summary>
    /// A worker begins a step under a plan: sums of an older plan are out of use, and averages older than the step
    /// before. When they are, <see cref="Open"/> follows. A plan that is not newer than the newest is ignored.
    /// </summary>
    /// <exception cref="InvalidOperationException">The run has no membership yet.</exception>
    public void BeginStep(Position plan, IReadOnlyList<LeafRange> siloRanges)
    {
        if (current is { } known && !plan.IsAfter(known.Plan))
            return;
        if (peers.Membership is null)
            throw new InvalidOperationException("The run has no membership on this silo yet.");
        RetireCurrentSums();
        var isSameStep = current?.Step == plan.Step;
        opensAgain = isSameStep || (IsOpening && opensAgain);
        var siloSums = SiloSums(siloRanges);
        if (isSameStep && !current!.IsAdopted)
            current.PlanAgain(NewSums(plan, siloSums, current.Tree, current.States));
        else
            TurnTo(plan, siloSums);
        IsOpening = true;
        Effects.Add(new OpenPlan(plan, siloSums));
    }

    /// <summary>What was retired is out of use, and there is memory for the step: others may send.</summary>
    public void Open()
    {
        IsOpening = false;
        current!.States.LoseReductions(); // of the plan before, if they had not begun

        // What others sent for the new plan may have been taken for a repeat of the old one's sums, or have come
        // while these were released: those who have it are asked again.
        AnnounceToAll(opensAgain);
    }

    /// <summary>
    /// A worker of this silo has a range of a sum, or several together: each stripe that becomes whole by it is added
    /// to others here, or sent to its reducer. What belongs to an older plan is ignored.
    /// </summary>
    /// <param name="plan">The plan.</param>
    /// <param name="subtree">Which sum.</param>
    /// <param name="start">The first element.</param>
    /// <param name="end">The one after the last.</param>
    /// <param name="mayAdopt">Whether its elements are of an average's type.</param>
    /// <exception cref="InvalidOperationException">The plan was not begun.</exception>
    public void Contribute(Position plan, Subtree subtree, long start, long end, bool mayAdopt)
    {
        if (!Takes(plan))
            return;
        var node = current!.Tree.Normalize(subtree);
        var sums = current.Sums!;
        var ready = sums.Locals.Add(node, start, end);
        if (mayAdopt && ContributionIsAverage)
        {
            if (sums.Locals.IsWhole(node))
                Adopt(node);
            return;
        }

        foreach (var stripe in ready.Where(stripe => !current.IsAveraged(stripe)))
        {
            if (peers.IsOwn(stripe) || StaysHere(node))
                sums.Of(stripe, peers.IsOwn(stripe)).Offer(node);
            else if (peers.IsAt(peers.OwnerOf(stripe), plan.Step))
                Effects.Add(new SendSum(peers.OwnerOf(stripe), plan, stripe, node));
        }
    }

    /// <summary>Whether sums of a plan are of use.</summary>
    /// <exception cref="InvalidOperationException">The plan was not begun.</exception>
    public bool Takes(Position plan)
    {
        var begun = current?.Plan ?? new Position(-1, 0);
        if (plan.IsAfter(begun))
            throw new InvalidOperationException($"This silo has not begun {plan}.");
        return plan == begun && current is { Sums: not null, MissingCount: > 0 };
    }

    /// <summary>The workers' sums of a generation, and of those before, are not to be read any more.</summary>
    public void Withdraw(int generation)
    {
        if (current?.Plan.Generation <= generation)
            RetireCurrentSums();
    }

    /// <summary>A peer told where it stands: it is sent all it can use of that step.</summary>
    public void OnPeerPosition(SiloName peer, PeerPosition position)
    {
        if (peers.TryMove(peer, position) && peers.IndexOf(peer) is >= 0 and var silo)
            ResendAll(silo);
    }

    /// <summary>A link was made, for the first time or again: what was on the one before is sent again.</summary>
    public virtual void OnLinkUp(ExchangeMember peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        if (peers.IndexOf(peer.SiloName) is not (>= 0 and var silo) || peers.Membership!.Silos[silo] != peer)
            return;
        AnnounceTo(silo, again: false);
        ResendAll(silo);
    }

    /// <summary>A connection from a peer ended: it stands nowhere until it says so again, and is asked again.</summary>
    public virtual void OnLinkLost(SiloName peer, long connection)
    {
        peers.Forget(peer, connection);
        if (peers.IndexOf(peer) is >= 0 and var silo)
            AnnounceTo(silo, again: true);
    }

    /// <summary>Whether a silo is another member of the run.</summary>
    public bool Knows(SiloName peer) => peers.IndexOf(peer) >= 0;

    /// <summary>A sum is about to be received.</summary>
    /// <returns>The plan to receive it for; null if nobody needs it.</returns>
    /// <exception cref="PeerFaultException">No correct member sends this.</exception>
    public Position? ReserveSum(SiloName peer, Position sent, int stripe, Subtree subtree)
    {
        if (!peers.IsOfNow(peer, sent.Generation))
            return null;
        if (!peers.IsOwn(stripe))
            throw new PeerFaultException($"Stripe {stripe} of run {peers.Membership!.Run} is not reduced here.");
        if (IsOpening || current is not { Sums: not null, IsAdopted: false } || current.Step != sent.Step)
            return null;
        if (!current.Tree.Has(subtree))
            throw new PeerFaultException($"{subtree} is no subtree of M = {current.Tree.LeafCount}.");
        return current.IsAveraged(stripe) ? null : current.Plan;
    }

    /// <summary>An average is about to be received: until it is here or has failed, its place belongs to it.</summary>
    /// <returns>The plan to receive it for; null if nobody needs it.</returns>
    /// <exception cref="PeerFaultException">No correct member sends this.</exception>
    public Position? ReserveAverage(SiloName peer, Position sent, int stripe)
    {
        var step = peers.IsOfNow(peer, sent.Generation) ? StepOf(sent.Step) : null;
        if (step is null or { IsAdopted: true } || (IsOpening && step == current))
            return null;
        return step.States.TryReceive(stripe, peer) ? step.Plan : null;
    }

    /// <summary>A sum was received.</summary>
    /// <returns>Whether it is needed.</returns>
    public bool OnSumReceived(Position plan, int stripe, Subtree subtree) =>
        current?.Sums is { } sums && sums.Plan == plan && peers.IsOwn(stripe) && !current.IsAveraged(stripe)
            && sums.Of(stripe, isOwn: true).Offer(current.Tree.Normalize(subtree));

    /// <summary>
    /// A stripe's average is in its place: its reducer sends it to all who do not have it from there. If the membership
    /// changed on the way, so that the present reducer may not have it, it is sent there.
    /// </summary>
    /// <param name="plan">The plan it was received for.</param>
    /// <param name="stripe">Which.</param>
    /// <param name="generation">The generation whose reducer sent it, if it was not made here.</param>
    /// <param name="from">Who sent it; null if it was made here.</param>
    public void OnStripeAveraged(Position plan, int stripe, int generation = MadeHere, SiloName? from = null)
    {
        if (StepOf(plan.Step) is not { IsAdopted: false } step || !step.Includes(plan))
            return;
        step.States.SetAveraged(stripe);
        step.Sums?.Remove(stripe);
        foreach (var silo in peers.Others)
        {
            var lacksIt = peers.IsOwn(stripe) || (silo == peers.OwnerOf(stripe) && generation != peers.Generation);
            if (lacksIt && peers.NameOf(silo) != from && peers.IsAt(silo, step.Step))
                Effects.Add(new SendAverage(silo, step.Step, stripe));
        }

        if (step.MissingCount == 0)
            Effects.Add(new Complete(step.Step));
    }

    /// <summary>An average was not received, or not whole.</summary>
    public void OnAverageLost(Position plan, int stripe)
    {
        if (StepOf(plan.Step) is not { } step || !step.Includes(plan))
            return;
        step.States.Lose(stripe);
        if (step == current && peers.IsOwn(stripe))
            step.Sums?.Find(stripe)?.ReduceNext();

        // What came from the stripe's present reducer while another silo's average was half way here was dropped.
        if (!peers.IsOwn(stripe))
            AnnounceTo(peers.OwnerOf(stripe), again: true);
    }

    /// <summary>A sum was made that is not the average; of that <see cref="OnStripeAveraged"/> is told.</summary>
    /// <returns>Whether it is to be kept, as a term of another addition.</returns>
    public bool OnSumMade(Reduce made)
    {
        ArgumentNullException.ThrowIfNull(made);
        var (plan, stripe, sum) = (made.Plan, made.Stripe, made.Sum);
        if (current?.Sums is not { } sums || sums.Plan != plan)
            return false;
        if (made.Target == ReductionTarget.Term)
            return sums.Find(stripe)?.TryComplete(sum) ?? false;
        var range = layout.Range(stripe);
        Contribute(plan, sum, range.Start, range.End, mayAdopt: false); // it goes where a worker's sum would
        return false;
    }

    /// <summary>The step, if it is this silo's present one or the one before.</summary>
    public AveragedStep? StepOf(long step) =>
        current?.Step == step ? current : previous?.Step == step ? previous : null;

    private void RetireCurrentSums()
    {
        if (current?.Sums is null)
            return;
        Effects.Add(new RetireSums(current.Plan));
        current.Withdraw();
    }

    /// <summary>
    /// Another step: averages of the one before stay for those who are a step behind. A run that goes back, to a
    /// checkpoint, has no use for anything.
    /// </summary>
    private void TurnTo(Position plan, IReadOnlyList<Subtree> siloSums)
    {
        if (previous is not null)
            Effects.Add(new RetireAverages(previous.Step));
        previous = current is { IsAdopted: false } && current.Step < plan.Step && peers.Membership!.Silos.Count > 1
            ? current
            : null;
        if (current is not null && previous is null)
            Effects.Add(new RetireAverages(current.Step));
        var tree = new ReductionTree(peers.Membership!.LeafCount);
        var states = new StripeStates(layout.StripeCount);
        current = new AveragedStep(NewSums(plan, siloSums, tree, states), tree, states);
    }

    private PlannedSums NewSums(
        Position plan, IReadOnlyList<Subtree> siloSums, ReductionTree tree, StripeStates states)
    {
        var planned = new PlannedStep(plan, tree, siloSums);
        return new(planned, new LocalSums(layout, tree), (stripe, isOwn) =>
            new(planned, stripe, isOwn, order(tree), states, Effects));
    }

    private void Adopt(Subtree node)
    {
        current!.Adopt();
        Effects.Add(new AdoptSum(current.Plan, node));
        Effects.Add(new Complete(current.Step));
    }

    /// <summary>
    /// Whether a worker's sum is a part of one that the silo adds up before it sends. Under a newer membership than the
    /// plan's not all workers of the plan need be here any more, and each sum leaves as it is.
    /// </summary>
    private bool StaysHere(Subtree node) =>
        current!.Plan.Generation == peers.Generation && current.Sums!.IsPart(node);

    /// <summary>Under a new membership this silo adds the stripes that are its own now, and no others.</summary>
    private void RouteAgain(ExchangeMembership? before)
    {
        var sums = current is { IsAdopted: false } ? current.Sums : null;
        for (var stripe = layout.StripeCount - 1; stripe >= 0 && sums is not null; stripe--)
        {
            if (!current!.IsAveraged(stripe))
                RouteAgain(stripe, sums, before!);
        }

        foreach (var silo in peers.Others)
            ResendAll(silo);
    }

    private void RouteAgain(int stripe, PlannedSums sums, ExchangeMembership before)
    {
        var isOwn = peers.IsOwn(stripe);
        var wasOwn = StripeLayout.Owner(stripe, before.Silos.Count) == before.OwnIndex;
        if (isOwn != wasOwn || (!isOwn && peers.Generation != before.Generation))
            sums.Remove(stripe);
        if (!isOwn)
            return;
        foreach (var node in sums.Locals.Largest(stripe))
            sums.Of(stripe, isOwn).Offer(node);
    }

    /// <summary>
    /// Queues for a silo, instead of what may be queued, all it can use of the step it announced: our averages of the
    /// stripes that are ours, and for the stripes that are its own our sums, or the average. It may have sent us that
    /// average itself, and begun the step anew since: a run went back, and its step before became its present one.
    /// </summary>
    private void ResendAll(int silo)
    {
        var step = current is not null && peers.IsAt(silo, current.Step) ? current
            : previous is not null && peers.IsAt(silo, previous.Step) ? previous
            : null;
        if (step is null or { IsAdopted: true })
            return;
        Effects.Add(new ClearQueue(silo));
        for (var stripe = layout.StripeCount - 1; stripe >= 0; stripe--)
        {
            var isTheirs = peers.OwnerOf(stripe) == silo;
            if (step.IsAveraged(stripe) && (isTheirs || peers.IsOwn(stripe)))
                Effects.Add(new SendAverage(silo, step.Step, stripe));
            else if (!step.IsAveraged(stripe) && isTheirs && step == current)
                ResendSums(silo, stripe);
        }
    }

    private void ResendSums(int silo, int stripe)
    {
        foreach (var node in current!.Sums?.Locals.Largest(stripe) ?? [])
        {
            if (!StaysHere(node))
                Effects.Add(new SendSum(silo, current.Plan, stripe, node));
        }
    }

    private void AnnounceToAll(bool again)
    {
        foreach (var silo in peers.Others)
            AnnounceTo(silo, again);
    }

    private void AnnounceTo(int silo, bool again)
    {
        if (IsOpening)
            opensAgain |= again; // all hear of the step when it is open
        else
            Effects.Add(new Announce(silo, Position, again));
    }
}

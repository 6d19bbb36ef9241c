using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Averaging;

/// <summary>
/// The sums of one plan on this silo: those its workers contribute, and what is added to what. Of stripes that this
/// silo reduces it adds all silos' sums up to the root; of others those that its workers complete together, so that one
/// sum leaves instead of one a worker.
/// </summary>
/// <param name="plan">The plan.</param>
/// <param name="siloSums">What is added up before anything of it is sent.</param>
/// <param name="locals">What the workers contribute.</param>
/// <param name="states">Which averages are here.</param>
/// <param name="newTerms">Begins a stripe's additions.</param>
/// <param name="effects">Takes what is to be done.</param>
internal sealed class PlannedSums(
    Position plan,
    IReadOnlyList<Subtree> siloSums,
    LocalSums locals,
    StripeStates states,
    Func<StripeTerms> newTerms,
    List<AveragingEffect> effects)
{
    private readonly Dictionary<int, StripeTerms> terms = [];

    /// <summary>The plan.</summary>
    public Position Plan => plan;

    /// <summary>What the workers contribute.</summary>
    public LocalSums Locals => locals;

    /// <summary>Whether a worker's sum is a part of one that is added up before it is sent.</summary>
    public bool IsPart(Subtree node, ReductionTree tree)
    {
        foreach (var whole in siloSums)
        {
            if (whole != node && tree.Contains(whole, node))
                return true;
        }

        return false;
    }

    /// <summary>Takes a sum to be added to others.</summary>
    /// <returns>False if it is not needed.</returns>
    public bool Offer(int stripe, Subtree node, bool isOwn)
    {
        if (states.IsAveraged(stripe))
            return false;
        if (!terms.TryGetValue(stripe, out var waiting))
            terms.Add(stripe, waiting = newTerms());
        if (!waiting.Offer(node, out var superseded))
            return false;
        Discard(stripe, superseded);
        ReduceNext(stripe, isOwn);
        return true;
    }

    /// <summary>An addition was made.</summary>
    /// <returns>False if its sum is not needed.</returns>
    public bool TryComplete(int stripe, Subtree sum, bool isOwn)
    {
        if (!terms.TryGetValue(stripe, out var waiting) || !waiting.TryComplete(sum))
            return false;
        ReduceNext(stripe, isOwn);
        return true;
    }

    /// <summary>Has the stripe's next addition made, if it can be; the last one makes the average.</summary>
    public void ReduceNext(int stripe, bool isOwn)
    {
        if (!terms.TryGetValue(stripe, out var waiting))
            return;
        var mayFinish = isOwn && states.IsMissing(stripe);
        var target = ReductionTarget.Term;
        if (waiting.TakeAddition(mayMakeRoot: mayFinish || !isOwn) is var (left, right, sum))
        {
            if (isOwn && waiting.IsRoot(sum))
                target = ReductionTarget.Average;
            else if (!isOwn && siloSums.Contains(sum))
                target = ReductionTarget.SiloSum;
            Add(new Reduce(plan, stripe, left, right, sum, target));
        }
        else if (mayFinish && waiting.TakeRoot() is { } root)
        {
            Add(new Reduce(plan, stripe, root, null, root, ReductionTarget.Average));
        }
    }

    /// <summary>What waits to be added is not needed any more.</summary>
    public void Remove(int stripe)
    {
        if (terms.Remove(stripe, out var waiting))
            Discard(stripe, waiting.Here);
    }

    private void Add(Reduce reduce)
    {
        if (reduce.Target == ReductionTarget.Average)
            states.Reduce(reduce.Stripe);
        effects.Add(reduce);
    }

    private void Discard(int stripe, IEnumerable<Subtree> sums)
    {
        foreach (var sum in sums)
            effects.Add(new Discard(plan, stripe, sum));
    }
}

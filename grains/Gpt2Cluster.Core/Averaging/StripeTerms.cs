using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Averaging;

/// <summary>What all stripes of a plan have in common on one silo.</summary>
/// <param name="Plan">The plan.</param>
/// <param name="Tree">The order of summation.</param>
/// <param name="SiloSums">What is added up before anything of it is sent.</param>
internal sealed record PlannedStep(Position Plan, ReductionTree Tree, IReadOnlyList<Subtree> SiloSums);

/// <summary>
/// The sums of one stripe that wait for their siblings. Two terms of the canonical tree are added as soon as both are
/// here, so that memory holds what is waiting and nothing else.
/// </summary>
/// <param name="planned">The plan.</param>
/// <param name="stripe">Which stripe.</param>
/// <param name="isOwn">
/// Whether this silo reduces it, up to the average; otherwise it adds what its workers complete together.
/// </param>
/// <param name="held">Which sums are here or will be; it decides what is added.</param>
/// <param name="states">Which averages are here.</param>
/// <param name="effects">Takes what is to be done.</param>
internal sealed class StripeTerms(
    PlannedStep planned,
    int stripe,
    bool isOwn,
    HeldSubtrees held,
    StripeStates states,
    List<AveragingEffect> effects)
{
    private readonly HashSet<Subtree> here = [];
    private readonly List<Addition> waiting = [];

    /// <summary>Takes a sum to be added to others.</summary>
    /// <param name="node">Its canonical name.</param>
    /// <returns>False if it is a repeat.</returns>
    public bool Offer(Subtree node)
    {
        if (!held.Offer(node, out var additions))
            return false;
        here.Add(node);
        waiting.AddRange(additions);
        if (here.Count > 1)
            Discard([.. here.Where(term => !IsNeeded(term))]);
        ReduceNext();
        return true;
    }

    /// <summary>An addition was made.</summary>
    /// <returns>False if its sum has become superfluous meanwhile.</returns>
    public bool TryComplete(Subtree sum)
    {
        if (!IsNeeded(sum) || !here.Add(sum))
            return false;
        ReduceNext();
        return true;
    }

    /// <summary>Has the next addition made whose terms are both here; the last one makes the average.</summary>
    public void ReduceNext()
    {
        var root = planned.Tree.Root;
        var mayFinish = isOwn && states.IsMissing(stripe);
        var next = waiting.FindIndex(addition =>
            here.Contains(addition.Left) && here.Contains(addition.Right)
            && (mayFinish || !isOwn || addition.Parent != root));
        var (left, right, sum) = next >= 0 ? waiting[next] : new Addition(root, root, root);
        if (next >= 0)
            waiting.RemoveAt(next);
        else if (!mayFinish || !here.Contains(root))
            return;
        here.Remove(left);
        here.Remove(right);
        var target = isOwn && sum == root ? ReductionTarget.Average
            : !isOwn && planned.SiloSums.Contains(sum) ? ReductionTarget.SiloSum
            : ReductionTarget.Term;
        if (target == ReductionTarget.Average)
            states.Reduce(stripe);
        effects.Add(new Reduce(planned.Plan, stripe, left, next >= 0 ? right : null, sum, target));
    }

    /// <summary>Nothing that waits here is needed any more.</summary>
    public void Clear() => Discard([.. here]);

    private void Discard(IReadOnlyList<Subtree> sums)
    {
        here.ExceptWith(sums);
        effects.AddRange(sums.Select(sum => new Discard(planned.Plan, stripe, sum)));
    }

    private bool IsNeeded(Subtree sum) =>
        held.Held.Contains(sum) || waiting.Exists(addition => addition.Left == sum || addition.Right == sum);
}

using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Averaging;

/// <summary>
/// The sums of one stripe that wait for their siblings. Two terms of the canonical tree are added as soon as both are
/// here, so that memory holds what is waiting and nothing else.
/// </summary>
/// <param name="tree">The order of summation.</param>
/// <param name="held">Which sums are here or will be; it decides what is added.</param>
internal sealed class StripeTerms(ReductionTree tree, HeldSubtrees held)
{
    private readonly HashSet<Subtree> here = [];
    private readonly List<Addition> waiting = [];

    /// <summary>The sums that are here and are no terms of an addition under way.</summary>
    public IReadOnlyCollection<Subtree> Here => here;

    /// <summary>Takes a sum.</summary>
    /// <param name="node">Its canonical name.</param>
    /// <param name="superseded">The sums that it makes superfluous.</param>
    /// <returns>False if it is a repeat.</returns>
    public bool Offer(Subtree node, out IReadOnlyList<Subtree> superseded)
    {
        superseded = [];
        if (!held.Offer(node, out var additions))
            return false;
        here.Add(node);
        waiting.AddRange(additions);
        if (here.Count > 1)
        {
            superseded = [.. here.Where(term => !IsNeeded(term))];
            here.ExceptWith(superseded);
        }

        return true;
    }

    /// <summary>An addition was made.</summary>
    /// <returns>False if its sum has become superfluous meanwhile.</returns>
    public bool TryComplete(Subtree sum) => IsNeeded(sum) && here.Add(sum);

    /// <summary>Takes out the terms of what may be added now.</summary>
    /// <param name="mayMakeRoot">Whether that may be the last addition.</param>
    public Addition? TakeAddition(bool mayMakeRoot)
    {
        var next = waiting.FindIndex(addition =>
            here.Contains(addition.Left) && here.Contains(addition.Right)
            && (mayMakeRoot || addition.Parent != tree.Root));
        if (next < 0)
            return null;
        var taken = waiting[next];
        waiting.RemoveAt(next);
        here.Remove(taken.Left);
        here.Remove(taken.Right);
        return taken;
    }

    /// <summary>Takes out the root; null if it is not here.</summary>
    public Subtree? TakeRoot() => here.Remove(tree.Root) ? tree.Root : null;

    /// <summary>Whether a sum is that of all leaves.</summary>
    public bool IsRoot(Subtree sum) => sum == tree.Root;

    private bool IsNeeded(Subtree sum) =>
        held.Held.Contains(sum) || waiting.Exists(addition => addition.Left == sum || addition.Right == sum);
}

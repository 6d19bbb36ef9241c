using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>
/// The sums of one stripe on its reducer: adds two terms of the canonical tree as soon as both are here, so that memory
/// holds what is waiting for its sibling and nothing else. The last addition divides by M and lands in the averages.
/// </summary>
internal sealed unsafe class StripeReduction(StepExchange step, int stripe)
{
    private readonly Lock gate = new();
    private readonly Dictionary<Subtree, StripeValue> values = [];
    private HeldSubtrees held = new(step.Tree);

    /// <summary>
    /// Takes a sum, and ownership of its pooled memory. The caller holds the lease of the plan's sums.
    /// </summary>
    /// <returns>True if this completed the average of the stripe in memory; the caller then announces it.</returns>
    public bool Offer(Subtree subtree, StripeValue value)
    {
        lock (gate)
        {
            if (step.IsAveraged(stripe) || !held.Offer(subtree, out var additions))
            {
                value.Release();
                return false;
            }

            values[step.Tree.Normalize(subtree)] = value;
            DropSuperseded(additions);
            foreach (var addition in additions)
            {
                if (addition.Parent == step.Tree.Root && step.TryClaim(stripe))
                {
                    Finish(addition);
                    return true;
                }

                Apply(addition);
            }

            return TryFinishRoot();
        }
    }

    /// <summary>Writes the average from a root that had to wait: its place was being received into, in vain.</summary>
    /// <returns>True if this completed the average of the stripe in memory.</returns>
    public bool Resume()
    {
        lock (gate)
        {
            return TryFinishRoot();
        }
    }

    /// <summary>Forgets everything and gives pooled memory back.</summary>
    public void Clear()
    {
        lock (gate)
        {
            foreach (var value in values.Values)
                value.Release();
            values.Clear();
            held = new HeldSubtrees(step.Tree);
        }
    }

    private bool TryFinishRoot()
    {
        if (!values.TryGetValue(step.Tree.Root, out var root) || !step.TryClaim(stripe))
            return false;
        StripeMath.Average(root, step.AverageOf(stripe), step.Tree.LeafCount);
        Clear();
        return true;
    }

    private void Finish(Addition addition)
    {
        StripeMath.Average(
            values[addition.Left], values[addition.Right], step.AverageOf(stripe), step.Tree.LeafCount);
        Clear();
    }

    private void Apply(Addition addition)
    {
        values.Remove(addition.Left, out var left);
        values.Remove(addition.Right, out var right);
        var sum = left.IsScratch ? left
            : right.IsScratch ? right
            : new StripeValue(step.Pool.Rent(), ElementType.Float32, step.Pool);
        StripeMath.Add(left, right, sum.Floats(0, step.Layout.Range(stripe).Count));
        if (left.Pointer != sum.Pointer)
            left.Release();
        if (right.Pointer != sum.Pointer)
            right.Release();
        values[addition.Parent] = sum;
    }

    private void DropSuperseded(IReadOnlyList<Addition> additions)
    {
        // What is here must be held, or be a term of an addition to be made now.
        if (values.Count <= 1)
            return;
        var terms = additions.SelectMany(addition => new[] { addition.Left, addition.Right });
        foreach (var subtree in values.Keys.Except(held.Held.Concat(terms)).ToList())
        {
            values.Remove(subtree, out var value);
            value.Release();
        }
    }
}

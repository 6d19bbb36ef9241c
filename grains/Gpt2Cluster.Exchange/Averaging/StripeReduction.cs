using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>
/// The sums of one stripe on its reducer, from the terms of all silos up to the root. The last addition divides by M
/// and lands in the averages.
/// </summary>
internal sealed class StripeReduction(StepExchange step, int stripe)
{
    private readonly Lock gate = new();
    private readonly StripeTerms terms = new(step.Tree, step.Layout.Range(stripe).Count, step.Pool);

    /// <summary>
    /// Takes a sum, and ownership of its pooled memory. The caller holds the lease of the plan's sums.
    /// </summary>
    /// <returns>True if this completed the average of the stripe in memory; the caller then announces it.</returns>
    public bool Offer(Subtree subtree, StripeValue value)
    {
        lock (gate)
        {
            if (step.IsAveraged(stripe))
            {
                value.Release();
                return false;
            }

            if (!terms.Offer(subtree, value, out var additions))
                return false;
            foreach (var addition in additions)
            {
                if (addition.Parent == step.Tree.Root && step.TryClaim(stripe))
                {
                    Finish(addition);
                    return true;
                }

                terms.Apply(addition);
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
            terms.Clear();
        }
    }

    private bool TryFinishRoot()
    {
        if (!terms.TryGet(step.Tree.Root, out var root) || !step.TryClaim(stripe))
            return false;
        StripeMath.Average(root, step.AverageOf(stripe), step.Tree.LeafCount);
        terms.Clear();
        return true;
    }

    private void Finish(Addition addition)
    {
        StripeMath.Average(terms[addition.Left], terms[addition.Right], step.AverageOf(stripe), step.Tree.LeafCount);
        terms.Clear();
    }
}

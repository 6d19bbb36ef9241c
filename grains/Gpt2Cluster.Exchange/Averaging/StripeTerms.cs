using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>
/// The sums of one stripe that wait for their siblings: two terms of the canonical tree are added as soon as both are
/// here, so that memory holds what is waiting and nothing else. Not thread-safe.
/// </summary>
internal sealed class StripeTerms(ReductionTree tree, int elementCount, StripePool pool)
{
    private readonly Dictionary<Subtree, StripeValue> values = [];
    private HeldSubtrees held = new(tree);

    /// <summary>A sum that is here.</summary>
    public StripeValue this[Subtree subtree] => values[subtree];

    /// <summary>Takes a sum, and ownership of its pooled memory; a repeat is released.</summary>
    /// <param name="subtree">What arrived, under any of its names.</param>
    /// <param name="value">Its elements.</param>
    /// <param name="additions">What to add now, in this order.</param>
    /// <returns>False if it was a repeat.</returns>
    public bool Offer(Subtree subtree, in StripeValue value, out IReadOnlyList<Addition> additions)
    {
        if (!held.Offer(subtree, out additions))
        {
            value.Release();
            return false;
        }

        values[tree.Normalize(subtree)] = value;
        DropSuperseded(additions);
        return true;
    }

    /// <summary>Finds a sum.</summary>
    public bool TryGet(Subtree subtree, out StripeValue value) => values.TryGetValue(subtree, out value);

    /// <summary>Adds two terms in pooled memory; the sum takes their place.</summary>
    public unsafe void Apply(Addition addition)
    {
        values.Remove(addition.Left, out var left);
        values.Remove(addition.Right, out var right);
        var sum = left.IsScratch ? left
            : right.IsScratch ? right
            : new StripeValue(pool.Rent(), ElementType.Float32, pool);
        StripeMath.Add(left, right, sum.Floats(0, elementCount));
        if (left.Pointer != sum.Pointer)
            left.Release();
        if (right.Pointer != sum.Pointer)
            right.Release();
        values[addition.Parent] = sum;
    }

    /// <summary>Adds two terms elsewhere and forgets them; that their sum was made is remembered.</summary>
    public void Apply(Addition addition, Span<float> into)
    {
        values.Remove(addition.Left, out var left);
        values.Remove(addition.Right, out var right);
        StripeMath.Add(left, right, into);
        left.Release();
        right.Release();
    }

    /// <summary>Forgets everything and gives pooled memory back.</summary>
    public void Clear()
    {
        foreach (var value in values.Values)
            value.Release();
        values.Clear();
        held = new HeldSubtrees(tree);
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

using Gpt2Cluster.Core.Averaging;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>One addition of a stripe, with its terms, which it owns.</summary>
/// <param name="what">What asked for it.</param>
/// <param name="sums">The plan's memory.</param>
/// <param name="range">The elements of the stripe.</param>
/// <param name="into">Where the sum goes; null for the place of a term, or pooled memory.</param>
internal sealed class StripeReduction(Reduce what, PlanMemory sums, ElementRange range, FlatBuffer? into)
{
    private readonly StripeValue left = sums.Take(what.Stripe, what.Left);
    private readonly StripeValue? right = what.Right is { } second ? sums.Take(what.Stripe, second) : null;

    /// <summary>What asked for it.</summary>
    public Reduce What => what;

    /// <summary>The plan's memory.</summary>
    public PlanMemory Sums => sums;

    /// <summary>Enters the plan's memory, to be left when the addition is made.</summary>
    /// <returns>False if it is closed: the terms are given up.</returns>
    public bool TryBegin()
    {
        if (sums.Use.TryEnter(null))
            return true;
        Release();
        return false;
    }

    /// <summary>Adds the terms and gives them up.</summary>
    /// <param name="pool">Where memory comes from.</param>
    /// <returns>The sum, if it lies in pooled memory: the caller owns it.</returns>
    public unsafe StripeValue? Add(StripePool pool)
    {
        var sum = into is not null ? StripeValue.In(into, range)
            : left.IsScratch ? left
            : right!.Value.IsScratch ? right.Value
            : new StripeValue(pool.Rent(), ElementType.Float32, pool);
        var elements = sum.Floats(0, range.Count);
        if (what.Target == ReductionTarget.Average)
            StripeMath.Average(left, right, elements, sums.LeafCount);
        else
            StripeMath.Add(left, right!.Value, elements);
        if (left.Pointer != sum.Pointer)
            left.Release();
        if (right is { } second && second.Pointer != sum.Pointer)
            second.Release();
        return into is null ? sum : null;
    }

    /// <summary>Gives the terms up.</summary>
    public void Release()
    {
        left.Release();
        right?.Release();
    }
}

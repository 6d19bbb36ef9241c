namespace Gpt2Cluster.Core.Reduction;

/// <summary>A range of elements of the flat gradient.</summary>
/// <param name="Start">The first element.</param>
/// <param name="Count">How many.</param>
public readonly record struct ElementRange(long Start, int Count)
{
    /// <summary>The element after the last.</summary>
    public long End => Start + Count;
}

/// <summary>How the flat gradient is cut into stripes, the unit of exchange, and which silo reduces which.</summary>
public sealed record StripeLayout
{
    /// <summary>1 MiB of fp32.</summary>
    public const int DefaultStripeElements = 262_144;

    /// <summary>
    /// 256 KiB of fp32, and the step between allowed sizes: a norm block never straddles two stripes.
    /// </summary>
    public const int MinStripeElements = NormBlocks.BlockElements;

    /// <summary>4 MiB of fp32.</summary>
    public const int MaxStripeElements = 1_048_576;

    /// <summary>Cuts a gradient.</summary>
    /// <param name="elementCount">Elements of the gradient, 0 or more.</param>
    /// <param name="stripeElements">
    /// A multiple of <see cref="MinStripeElements"/> up to <see cref="MaxStripeElements"/>.
    /// </param>
    public StripeLayout(long elementCount, int stripeElements = DefaultStripeElements)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(elementCount);
        if (stripeElements is < MinStripeElements or > MaxStripeElements || stripeElements % MinStripeElements != 0)
        {
            var message = $"A stripe is a multiple of {MinStripeElements} elements, at most {MaxStripeElements}.";
            throw new ArgumentOutOfRangeException(nameof(stripeElements), stripeElements, message);
        }

        ElementCount = elementCount;
        StripeElements = stripeElements;
        StripeCount = checked((int)((elementCount + stripeElements - 1) / stripeElements));
    }

    /// <summary>Elements of the gradient.</summary>
    public long ElementCount { get; }

    /// <summary>Elements of every stripe but the last, which may be shorter.</summary>
    public int StripeElements { get; }

    /// <summary>How many stripes there are.</summary>
    public int StripeCount { get; }

    /// <summary>The elements of stripe <paramref name="index"/>.</summary>
    public ElementRange Range(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, StripeCount);
        var start = (long)index * StripeElements;
        return new ElementRange(start, (int)Math.Min(StripeElements, ElementCount - start));
    }

    /// <summary>The stripes that share an element with <paramref name="start"/> up to <paramref name="end"/>.</summary>
    /// <returns>The first stripe and the one after the last; equal for an empty range.</returns>
    public (int First, int End) Overlapping(long start, long end)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfLessThan(end, start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end, ElementCount);
        var first = (int)(start / StripeElements);
        return start == end ? (first, first) : (first, (int)((end - 1) / StripeElements) + 1);
    }

    /// <summary>
    /// The silo, by its place in the generation's list, that reduces stripe <paramref name="index"/>.
    /// </summary>
    public static int Owner(int index, int siloCount) => index % siloCount;
}

using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Simulator.Exchange;

/// <summary>
/// How a gradient of a few elements is cut into stripes. <see cref="StripeLayout"/> itself has no stripes below 65,536
/// elements; which silo reduces a stripe is asked of it.
/// </summary>
/// <param name="ElementCount">Elements of the gradient.</param>
/// <param name="StripeElements">Elements of every stripe but the last.</param>
internal sealed record StripeCut(int ElementCount, int StripeElements)
{
    /// <summary>How many stripes there are.</summary>
    public int StripeCount => (ElementCount + StripeElements - 1) / StripeElements;

    /// <summary>The elements of a stripe.</summary>
    public (int Start, int Count) Range(int stripe)
    {
        var start = stripe * StripeElements;
        return (start, Math.Min(StripeElements, ElementCount - start));
    }
}

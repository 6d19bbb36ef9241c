using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Simulator.Exchange;

/// <summary>
/// How a gradient of a few elements is cut into stripes. <see cref="StripeLayout"/> itself has no stripes below 65,536
/// elements: the protocol is told of as many stripes of that size.
/// </summary>
/// <param name="ElementCount">Elements of the gradient.</param>
/// <param name="StripeElements">Elements of every stripe but the last.</param>
internal sealed record StripeCut(int ElementCount, int StripeElements)
{
    /// <summary>What the protocol is told.</summary>
    public StripeLayout Layout { get; } = new(
        (long)((ElementCount + StripeElements - 1) / StripeElements) * StripeLayout.MinStripeElements,
        StripeLayout.MinStripeElements);

    /// <summary>A stripe of a vector.</summary>
    public Memory<float> Of(float[] vector, int stripe)
    {
        var start = stripe * StripeElements;
        return vector.AsMemory(start, Math.Min(StripeElements, ElementCount - start));
    }
}

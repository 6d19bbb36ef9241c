using Gpt2Cluster.Core.Averaging;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>Where the payload of an incoming stripe goes.</summary>
/// <param name="pointer">The average's own place, or a pooled buffer; null if nobody needs it.</param>
/// <param name="plan">What it is received for.</param>
/// <param name="memory">What was entered for it; null for a pooled buffer.</param>
internal readonly unsafe struct Destination(byte* pointer, Position plan, Lease? memory)
{
    /// <summary>The memory; null if the payload is to be drained.</summary>
    public byte* Pointer => pointer;

    /// <summary>What it is received for.</summary>
    public Position Plan => plan;

    /// <summary>What was entered for it; null for a pooled buffer.</summary>
    public Lease? Memory => memory;
}

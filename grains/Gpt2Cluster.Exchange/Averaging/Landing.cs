namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>Where the payload of an incoming stripe goes.</summary>
/// <param name="step">Its step; null if nobody needs it.</param>
/// <param name="destination">The memory: the average's own place, or a pooled buffer.</param>
/// <param name="lease">What is held while it is written; null for a pooled buffer.</param>
/// <param name="sums">The plan whose sums it belongs to; null for an average.</param>
internal readonly unsafe struct Landing(StepExchange? step, byte* destination, Lease? lease, PlannedSums? sums)
{
    /// <summary>The step; null if the payload is to be drained.</summary>
    public StepExchange? Step => step;

    /// <summary>The memory.</summary>
    public byte* Destination => destination;

    /// <summary>What is held while it is written; null for a pooled buffer.</summary>
    public Lease? Lease => lease;

    /// <summary>The plan whose sums it belongs to; null for an average.</summary>
    public PlannedSums? Sums => sums;
}

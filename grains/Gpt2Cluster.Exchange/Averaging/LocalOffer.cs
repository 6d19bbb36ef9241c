using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>
/// A stripe of a local worker's sum, for this silo's own reducer or for what the silo adds up before it sends.
/// </summary>
/// <param name="Step">The step.</param>
/// <param name="Sums">The plan's sums it belongs to; their lease guards the memory.</param>
/// <param name="Stripe">The stripe's index.</param>
/// <param name="Subtree">Which sum.</param>
/// <param name="Buffer">Where it lies.</param>
/// <param name="IsToBeSent">Whether another silo reduces the stripe.</param>
internal readonly record struct LocalOffer(
    StepExchange Step, PlannedSums Sums, int Stripe, Subtree Subtree, FlatBuffer Buffer, bool IsToBeSent);

using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Exchange.Averaging;
using Gpt2Cluster.Exchange.Frames;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>A stripe to send, by reference: nothing is copied until the kernel takes it.</summary>
/// <param name="Run">Whose it is.</param>
/// <param name="Step">The step it belongs to.</param>
/// <param name="Lease">What must be entered before the memory is read.</param>
/// <param name="Kind">Contribution or average.</param>
/// <param name="Generation">The generation it was queued under.</param>
/// <param name="Stripe">The stripe's index.</param>
/// <param name="Subtree">Which sum it is cut from.</param>
/// <param name="Buffer">Where it lies.</param>
internal readonly record struct OutgoingFrame(
    RunExchange Run,
    StepExchange Step,
    Lease Lease,
    FrameKind Kind,
    int Generation,
    int Stripe,
    Subtree Subtree,
    FlatBuffer Buffer);

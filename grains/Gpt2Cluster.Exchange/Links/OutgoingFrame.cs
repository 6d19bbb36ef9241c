using Gpt2Cluster.Exchange.Frames;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>A stripe to send, by reference: nothing is copied until the kernel takes it.</summary>
/// <param name="Header">What goes before it.</param>
/// <param name="Payload">Where it lies.</param>
/// <param name="Memory">What must be entered before it is read.</param>
/// <param name="Traffic">Counts it.</param>
internal readonly record struct OutgoingFrame(FrameHeader Header, nint Payload, Lease Memory, StepTraffic Traffic);

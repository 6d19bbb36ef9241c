namespace Gpt2Cluster.Exchange.Frames;

/// <summary>
/// A peer sent what no correct peer sends; its connection is cut off, with the message as the reason.
/// </summary>
internal sealed class FrameFaultException(string message) : Exception(message);

namespace Gpt2Cluster.Core.Averaging;

/// <summary>Another silo sent what no correct member of the run sends; the message says what.</summary>
public sealed class PeerFaultException(string message) : Exception(message);

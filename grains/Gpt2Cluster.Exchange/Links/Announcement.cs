namespace Gpt2Cluster.Exchange.Links;

/// <summary>A wish to tell a peer where a run stands on this silo; the standing is read when it is sent.</summary>
/// <param name="Run">The run.</param>
/// <param name="Again">Whether to repeat a standing that this connection has carried: the peer then sends all it has
/// again.</param>
internal sealed record Announcement(RunExchange Run, bool Again);

namespace Gpt2Cluster.Exchange.Links;

/// <summary>Where another silo said it stands with a run.</summary>
/// <param name="Connection">
/// Number of the connection that said it, in the order they were made: what was said on one that broke may be heard
/// after what is said on the next.
/// </param>
/// <param name="Generation">The generation.</param>
/// <param name="Step">The step.</param>
internal readonly record struct PeerStanding(long Connection, int Generation, long Step);

using Gpt2Cluster.Core.Averaging;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>Where this silo stands, for a peer.</summary>
/// <param name="Key">What the frame carries.</param>
/// <param name="Position">The generation and step.</param>
/// <param name="Again">Whether also if this connection has carried it: the peer then sends all it has again.</param>
internal readonly record struct Announcement(ulong Key, Position Position, bool Again);

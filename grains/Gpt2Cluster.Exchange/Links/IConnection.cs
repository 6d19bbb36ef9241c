using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>A connection that a payload is half way through.</summary>
internal interface IConnection
{
    /// <summary>The silo at the other end; null until it has said so.</summary>
    SiloName? PeerName { get; }

    /// <summary>Breaks the connection as a fault of the network would; returns at once.</summary>
    void Break();
}

using Gpt2Cluster.Core.Averaging;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>What links tell, on their threads, and ask of the transport they belong to.</summary>
internal interface ILinkHost
{
    /// <summary>How the transport is set up.</summary>
    StripeChannelOptions Options { get; }

    /// <summary>The endpoint of a key; null if there is none.</summary>
    /// <param name="key">The key.</param>
    /// <param name="wasClosed">Whether there was one a while ago.</param>
    IStripeEndpoint? EndpointOf(ulong key, out bool wasClosed);

    /// <summary>A peer told where it stands.</summary>
    void OnPeerPosition(ulong key, SiloName peer, PeerPosition position);

    /// <summary>The connection to a peer was made.</summary>
    void OnLinkUp(ExchangeMember peer);

    /// <summary>The connection to a peer broke.</summary>
    void OnLinkDown(SiloName peer, string reason);

    /// <summary>A peer is gone, or has been out of reach for a while.</summary>
    void OnUnreachable(ExchangeMember peer, string reason, bool isGone);

    /// <summary>A link that nobody uses any more has ended its thread.</summary>
    void OnEnded(IConnection outgoing);

    /// <summary>A connection from a peer, the one of that number, has ended.</summary>
    /// <param name="incoming">The connection.</param>
    /// <param name="number">Its number.</param>
    /// <param name="address">Where it came from.</param>
    /// <param name="reason">Why; null if it was closed on purpose.</param>
    void OnEnded(IConnection incoming, long number, string address, string? reason);
}

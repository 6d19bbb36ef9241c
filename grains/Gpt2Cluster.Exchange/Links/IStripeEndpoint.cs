using Gpt2Cluster.Core.Averaging;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Exchange.Frames;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>Whoever sends and receives the frames of one key. Called on the threads of links.</summary>
internal interface IStripeEndpoint : IDisposable
{
    /// <summary>What its frames carry.</summary>
    ulong Key { get; }

    /// <summary>Says where the payload of a stripe goes; whoever gets a place reports what became of it.</summary>
    /// <exception cref="FrameFaultException">No correct peer sends a frame of this shape.</exception>
    /// <exception cref="PeerFaultException">No correct member sends this.</exception>
    Destination ReserveDestination(in FrameHeader header, IConnection from);

    /// <summary>A payload is in its place and its checksum is right.</summary>
    void OnReceived(in FrameHeader header, in Destination destination, IConnection from);

    /// <summary>A payload did not arrive, or not whole.</summary>
    void OnReceptionFailed(in FrameHeader header, in Destination destination, IConnection from);

    /// <summary>A peer told where it stands.</summary>
    void OnPeerPosition(SiloName peer, PeerPosition position);

    /// <summary>The connection to a peer was made; what was on the one before may be lost.</summary>
    void OnLinkUp(ExchangeMember peer);

    /// <summary>A connection from a peer ended.</summary>
    void OnLinkLost(SiloName peer, long connection);

    /// <summary>A peer is gone, or has been out of reach for a while.</summary>
    void OnUnreachable(ExchangeMember peer, string reason, bool isGone);
}

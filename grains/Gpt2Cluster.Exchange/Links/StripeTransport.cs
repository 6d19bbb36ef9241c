using System.Net;
using System.Net.Sockets;
using Gpt2Cluster.Core.Averaging;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>
/// The connections of this process: a listener, on Linux a second one for silos of the same machine, and for every
/// other silo that is needed one connection each way with a thread of its own. The threads are dedicated, not pooled:
/// torch keeps all cores busy, and a stripe must not queue behind other work. Frames find their endpoint by its key.
/// </summary>
internal sealed class StripeTransport : ILinkHost, IDisposable
{
    /// <summary>Incoming connections at most; further ones are closed at once.</summary>
    private const int MaxIncomingCount = 256;

    /// <summary>Positions kept for endpoints that are not open here yet; the oldest gives way.</summary>
    private const int MaxEarlyCount = 1024;

    /// <summary>Endpoints remembered after their end, so that their last frames are no offence.</summary>
    private const int MaxClosedCount = 64;

    private readonly Lock gate = new();
    private readonly List<(Socket Listener, Thread Acceptor)> listeners = [];
    private readonly Dictionary<ulong, IStripeEndpoint> endpoints = [];
    private readonly Dictionary<ExchangeMember, OutgoingLink> outgoing = [];
    private readonly HashSet<OutgoingLink> ending = [];
    private readonly HashSet<IncomingLink> incoming = [];
    private readonly List<(ulong Key, SiloName Peer, PeerPosition Position)> early = [];
    private readonly Queue<ulong> closedKeys = new();
    private readonly ManualResetEventSlim closing = new();
    private long connectionCount;
    private bool disposed;

    /// <summary>Opens the listener.</summary>
    /// <exception cref="SocketException">The port is taken or not allowed.</exception>
    public StripeTransport(StripeChannelOptions options)
    {
        Options = options;
        var listener = new Socket(options.Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(options.Address, options.Port));
        listener.Listen();
        Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        Serve(listener, "stripe listener");
        if (LocalAddress.Listen(Port) is { } local)
            Serve(local, "local stripe listener");
    }

    /// <summary>The port it listens on.</summary>
    public int Port { get; }

    /// <inheritdoc/>
    public StripeChannelOptions Options { get; }

    /// <summary>Frames of a key come to this endpoint from now on.</summary>
    /// <returns>False if the key has an endpoint.</returns>
    public bool TryAdd(IStripeEndpoint endpoint)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (!endpoints.TryAdd(endpoint.Key, endpoint))
                return false;
            foreach (var each in early.Where(each => each.Key == endpoint.Key))
                endpoint.OnPeerPosition(each.Peer, each.Position);
            early.RemoveAll(each => each.Key == endpoint.Key);
            return true;
        }
    }

    /// <summary>An endpoint is over; its last frames are dropped.</summary>
    public void Remove(IStripeEndpoint endpoint)
    {
        lock (gate)
        {
            if (!endpoints.TryGetValue(endpoint.Key, out var open) || open != endpoint)
                return;
            endpoints.Remove(endpoint.Key);
            closedKeys.Enqueue(endpoint.Key);
            if (closedKeys.Count > MaxClosedCount)
                closedKeys.Dequeue();
        }
    }

    /// <summary>A link to a peer, made if there is none; <see cref="Release"/> must follow.</summary>
    public OutgoingLink Acquire(ExchangeMember peer)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (!outgoing.TryGetValue(peer, out var link))
                outgoing.Add(peer, link = new OutgoingLink(this, peer));
            link.UserCount++;
            return link;
        }
    }

    /// <summary>
    /// Gives a link up; if nobody else uses it, it sends what it has and ends. Returns at once.
    /// </summary>
    public void Release(OutgoingLink link)
    {
        lock (gate)
        {
            if (--link.UserCount > 0)
                return;
            outgoing.Remove(link.Peer);
            ending.Add(link);
        }

        link.End();
    }

    /// <inheritdoc/>
    public void OnEnded(IConnection outgoing)
    {
        lock (gate)
            ending.RemoveWhere(link => link == outgoing);
    }

    /// <inheritdoc/>
    public IStripeEndpoint? EndpointOf(ulong key, out bool wasClosed)
    {
        lock (gate)
        {
            var endpoint = endpoints.GetValueOrDefault(key);
            wasClosed = endpoint is null && closedKeys.Contains(key);
            return endpoint;
        }
    }

    /// <inheritdoc/>
    public void OnPeerPosition(ulong key, SiloName peer, PeerPosition position)
    {
        IStripeEndpoint? endpoint;
        lock (gate)
        {
            if (!endpoints.TryGetValue(key, out endpoint))
            {
                if (early.Count >= MaxEarlyCount)
                    early.RemoveAt(0);
                early.Add((key, peer, position));
                return;
            }
        }

        endpoint.OnPeerPosition(peer, position);
    }

    /// <inheritdoc/>
    public void OnLinkUp(ExchangeMember peer)
    {
        foreach (var endpoint in Endpoints())
            endpoint.OnLinkUp(peer);
    }

    /// <inheritdoc/>
    public void OnLinkDown(SiloName peer, string reason) =>
        Options.Log?.Invoke($"Stripe channel, silo {peer}: {reason}");

    /// <inheritdoc/>
    public void OnUnreachable(ExchangeMember peer, string reason, bool isGone)
    {
        OnLinkDown(peer.SiloName, $"It cannot be reached at {peer.Host}:{peer.Port}: {reason}");
        foreach (var endpoint in Endpoints())
            endpoint.OnUnreachable(peer, reason, isGone);
    }

    /// <inheritdoc/>
    public void OnEnded(IConnection incoming, long number, string address, string? reason)
    {
        lock (gate)
        {
            this.incoming.RemoveWhere(link => link == incoming);
            if (disposed)
                return;
        }

        if (reason is null)
            return;
        if (incoming.PeerName is not { } peer)
        {
            Options.Log?.Invoke($"Stripe channel, {address}: {reason}");
            return;
        }

        // Frames may have been lost on the way here: announcing makes the peer send them again.
        OnLinkDown(peer, reason);
        foreach (var endpoint in Endpoints())
            endpoint.OnLinkLost(peer, number);
    }

    /// <summary>Whether an average is half way here. For tests.</summary>
    public bool IsReceivingAnAverage
    {
        get
        {
            lock (gate)
                return incoming.Any(link => link.IsReceivingAnAverage);
        }
    }

    /// <summary>Breaks every connection, as a fault of the network would. For tests.</summary>
    public void BreakAll()
    {
        lock (gate)
        {
            foreach (var link in outgoing.Values)
                link.Break();
            foreach (var link in incoming)
                link.Break();
        }
    }

    private IStripeEndpoint[] Endpoints()
    {
        lock (gate)
        {
            return [.. endpoints.Values];
        }
    }

    private void Serve(Socket listener, string name)
    {
        var acceptor = Options.NewThread(() => AcceptAll(listener), name);
        listeners.Add((listener, acceptor));
        acceptor.Start();
    }

    private void AcceptAll(Socket listener)
    {
        while (true)
        {
            try
            {
                Admit(listener.Accept());
            }
            catch (SocketException error)
            {
                lock (gate)
                {
                    if (disposed)
                        return;
                }

                // With no descriptors left the next attempt fails as fast.
                Options.Log?.Invoke($"Stripe channel: a connection was not accepted: {error.Message}");
                closing.Wait(Options.LongestPause);
            }
            catch (ObjectDisposedException)
            {
                return;
            }
        }
    }

    private void Admit(Socket accepted)
    {
        lock (gate)
        {
            if (disposed || incoming.Count >= MaxIncomingCount)
            {
                accepted.Dispose();
                if (!disposed)
                    Options.Log?.Invoke($"Stripe channel: a connection was refused; {MaxIncomingCount} are open.");
                return;
            }

            var link = new IncomingLink(this, accepted, ++connectionCount);
            incoming.Add(link);
            link.Start();
        }
    }

    /// <summary>Ends all endpoints, connections and threads; waits for them.</summary>
    public void Dispose()
    {
        List<IncomingLink> ended;
        List<OutgoingLink> left;
        foreach (var endpoint in Endpoints())
            endpoint.Dispose();
        lock (gate)
        {
            if (disposed)
                return;
            disposed = true;
            closing.Set();
            ended = [.. incoming];
            left = [.. ending];
        }

        foreach (var (listener, acceptor) in listeners)
        {
            listener.Dispose();
            acceptor.Join();
        }

        foreach (var link in ended)
            link.Break();
        foreach (var link in ended)
            link.Dispose();
        foreach (var link in left)
            link.Dispose();
        closing.Dispose();
    }
}

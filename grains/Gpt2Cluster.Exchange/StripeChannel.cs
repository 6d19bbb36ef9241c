using System.Net;
using System.Net.Sockets;
using System.Text;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Exchange.Averaging;
using Gpt2Cluster.Exchange.Links;

namespace Gpt2Cluster.Exchange;

/// <summary>
/// The stripe channel of this process: a listener, on Linux a second one for silos of the same machine, and for every
/// other silo of its runs one connection each way with a thread of its own. The threads are dedicated, not
/// pooled: torch keeps all cores busy, and a stripe must not queue behind other work.
/// </summary>
public sealed class StripeChannel : IStripeChannel
{
    /// <summary>Incoming connections at most; further ones are closed at once.</summary>
    public const int MaxIncomingCount = 256;

    /// <summary>Announcements kept for runs that are not open here yet; the oldest gives way.</summary>
    public const int MaxEarlyReadyCount = 1024;

    /// <summary>Runs remembered after their end, so that their last frames are no offence.</summary>
    public const int MaxClosedRunCount = 64;

    private readonly Lock gate = new();
    private readonly List<(Socket Listener, Thread Acceptor)> listeners = [];
    private readonly Dictionary<ulong, RunExchange> runs = [];
    private readonly Dictionary<ExchangeMember, OutgoingLink> outgoing = [];
    private readonly HashSet<OutgoingLink> ending = [];
    private readonly HashSet<IncomingLink> incoming = [];
    private readonly List<(ulong Run, string Peer, PeerStanding Standing)> earlyReady = [];
    private readonly Queue<ulong> closedRuns = new();
    private readonly ManualResetEventSlim closing = new();
    private long connectionCount;
    private bool disposed;

    /// <summary>Opens the listener.</summary>
    /// <exception cref="SocketException">The port is taken or not allowed.</exception>
    public StripeChannel(StripeChannelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrEmpty(options.SiloName);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(
            Encoding.UTF8.GetByteCount(options.SiloName), IncomingLink.MaxNameBytes, nameof(options));
        Options = options;
        Pool = new StripePool(options.StripeElements * sizeof(float));
        var listener = new Socket(options.Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(options.Address, options.Port));
        listener.Listen();
        Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        Serve(listener, "stripe listener");
        if (LocalAddress.Listen(Port) is { } local)
            Serve(local, "local stripe listener");
    }

    /// <inheritdoc/>
    public event Action<UnreachableSilo>? Unreachable;

    /// <inheritdoc/>
    public int Port { get; }

    internal StripeChannelOptions Options { get; }

    internal StripePool Pool { get; }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The run is open here already.</exception>
    public IRunExchange Open(string run, long elementCount)
    {
        ArgumentException.ThrowIfNullOrEmpty(run);
        ArgumentOutOfRangeException.ThrowIfLessThan(elementCount, 1);
        var layout = new StripeLayout(elementCount, Options.StripeElements);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            var exchange = new RunExchange(this, run, layout);
            if (!runs.TryAdd(exchange.Key, exchange))
            {
                exchange.Dispose();
                throw new InvalidOperationException($"The run {run} is already open on this stripe channel.");
            }

            foreach (var early in earlyReady.Where(early => early.Run == exchange.Key))
                exchange.PeerReady(early.Peer, early.Standing);
            earlyReady.RemoveAll(early => early.Run == exchange.Key);
            return exchange;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Task.Factory.StartNew(Close, default, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    internal OutgoingLink Acquire(ExchangeMember peer)
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
    internal void Release(OutgoingLink link)
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

    internal void Ended(OutgoingLink link)
    {
        lock (gate)
            ending.Remove(link);
    }

    internal void Forget(RunExchange run)
    {
        lock (gate)
        {
            if (!runs.TryGetValue(run.Key, out var open) || open != run)
                return;
            runs.Remove(run.Key);
            closedRuns.Enqueue(run.Key);
            if (closedRuns.Count > MaxClosedRunCount)
                closedRuns.Dequeue();
        }
    }

    internal RunExchange? RunOf(ulong key, out bool wasClosed)
    {
        lock (gate)
        {
            var run = runs.GetValueOrDefault(key);
            wasClosed = run is null && closedRuns.Contains(key);
            return run;
        }
    }

    internal void PeerReady(ulong key, string peer, PeerStanding standing)
    {
        RunExchange? run;
        lock (gate)
        {
            if (!runs.TryGetValue(key, out run))
            {
                if (earlyReady.Count >= MaxEarlyReadyCount)
                    earlyReady.RemoveAt(0);
                earlyReady.Add((key, peer, standing));
                return;
            }
        }

        run.PeerReady(peer, standing);
    }

    internal void LinkUp(OutgoingLink link)
    {
        foreach (var run in OpenRuns())
            run.LinkUp(link);
    }

    internal void LinkDown(string peer, string reason) =>
        Options.Log?.Invoke($"Stripe channel, silo {peer}: {reason}");

    /// <summary>A silo is gone, or has been out of reach for a while: tells those who need it.</summary>
    internal void OutOfReach(ExchangeMember peer, string reason, bool isGone)
    {
        LinkDown(peer.SiloName, $"It cannot be reached at {peer.Host}:{peer.Port}: {reason}");
        foreach (var run in OpenRuns().Where(run => run.Knows(peer.SiloName)))
            Unreachable?.Invoke(new UnreachableSilo(run.Name, run.Generation, peer, reason, isGone));
    }

    internal void IncomingEnded(IncomingLink link, string address, string? reason)
    {
        lock (gate)
        {
            incoming.Remove(link);
            if (disposed)
                return;
        }

        if (reason is null)
            return;
        if (link.PeerName is { } peer)
        {
            LinkDown(peer, reason);

            // Frames may have been lost on the way here: announcing makes the peer send them again.
            foreach (var run in OpenRuns())
                run.PeerLost(peer, link.Number);
        }
        else
        {
            Options.Log?.Invoke($"Stripe channel, {address}: {reason}");
        }
    }

    internal void BreakHolders(Lease lease)
    {
        lock (gate)
        {
            foreach (var link in outgoing.Values.Concat(ending))
                link.BreakIfSending(lease);
            foreach (var link in incoming)
                link.BreakIfReceiving(lease);
        }
    }

    /// <summary>
    /// Breaks the connections from silos other than these over which something is half way here under those leases.
    /// </summary>
    internal void BreakReceptions(IReadOnlyList<Lease?> leases, IReadOnlySet<string> others)
    {
        lock (gate)
        {
            foreach (var link in incoming.Where(link => link.PeerName is { } peer && !others.Contains(peer)))
            {
                foreach (var lease in leases.OfType<Lease>())
                    link.BreakIfReceiving(lease);
            }
        }
    }

    /// <summary>Whether an average is half way here. For tests.</summary>
    internal bool IsReceivingAnAverage
    {
        get
        {
            lock (gate)
                return incoming.Any(link => link.IsReceivingAnAverage);
        }
    }

    /// <summary>Breaks every connection, as a fault of the network would. For tests.</summary>
    internal void BreakAll()
    {
        lock (gate)
        {
            foreach (var link in outgoing.Values)
                link.Break();
            foreach (var link in incoming)
                link.Break();
        }
    }

    /// <summary>A thread of the channel, not started yet.</summary>
    internal Thread NewThread(Action work, string name) => DedicatedThread.Create(name, () =>
    {
        Options.ThreadBegins?.Invoke();
        work();
    });

    private RunExchange[] OpenRuns()
    {
        lock (gate)
        {
            return [.. runs.Values];
        }
    }

    private void Serve(Socket listener, string name)
    {
        var acceptor = NewThread(() => AcceptAll(listener), name);
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

    private void Close()
    {
        List<IncomingLink> ended;
        List<OutgoingLink> left;
        foreach (var run in OpenRuns())
            run.Dispose();
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
        Pool.Dispose();
    }
}

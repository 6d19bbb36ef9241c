using System.Net;
using System.Net.Sockets;
using System.Text;
using Gpt2Cluster.Core.Averaging;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Exchange.Frames;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>
/// The connection over which this silo sends to one other silo, and the thread that does it. A connection that breaks
/// is made again as long as somebody uses the link; whatever it may have lost is then queued again.
/// </summary>
internal sealed unsafe class OutgoingLink : IConnection, IDisposable
{
    // The first bytes sent into a connection that the peer has left are lost without an error. If nothing follows them,
    // only a look at the connection shows it.
    private static readonly TimeSpan IdleCheckPeriod = TimeSpan.FromMilliseconds(250);

    private readonly ILinkHost host;
    private readonly Thread thread;
    private StripeSocket? socket;
    private int failureCount;
    private long? unreachableSince;
    private bool closed;

    /// <summary>Starts the thread; it connects on its own.</summary>
    public OutgoingLink(ILinkHost host, ExchangeMember peer)
    {
        this.host = host;
        Peer = peer;
        thread = host.Options.NewThread(Run, $"stripes to {peer.SiloName}");
        thread.Start();
    }

    /// <summary>Who is at the other end.</summary>
    public ExchangeMember Peer { get; }

    /// <inheritdoc/>
    public SiloName? PeerName => Peer.SiloName;

    /// <summary>How many use the link; guarded by the host.</summary>
    public int UserCount { get; set; }

    /// <summary>What it is to send.</summary>
    public FrameQueue Queue { get; } = new();

    /// <summary>Makes the pauses between attempts short again: the peer is wanted.</summary>
    public void ResetBackoff() => Volatile.Write(ref failureCount, 0);

    /// <inheritdoc/>
    public void Break() => Volatile.Read(ref socket)?.Dispose();

    /// <summary>Sends what is queued, says goodbye, and ends the thread; returns at once.</summary>
    public void End()
    {
        Volatile.Write(ref closed, true);
        Queue.Close();
    }

    /// <summary>Ends as <see cref="End"/> does, and breaks the connection if that takes long.</summary>
    public void Dispose()
    {
        End();
        if (Thread.CurrentThread != thread && !thread.Join(host.Options.DrainTimeout))
        {
            Break();
            thread.Join();
        }
    }

    private void Run()
    {
        while (!Volatile.Read(ref closed))
        {
            if (!TryConnect())
            {
                Queue.Pause(NextPause(), host.Options.Time);
                continue;
            }

            var began = host.Options.Time.GetTimestamp();
            try
            {
                host.OnLinkUp(Peer);
                SendUntilClosed();
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                Volatile.Read(ref socket)?.Dispose();
                if (Volatile.Read(ref closed))
                    break;
                host.OnLinkDown(Peer.SiloName, $"The connection to it broke: {error.Message}");
                RestAfterBreak(host.Options.Time.GetElapsedTime(began));
            }
        }

        Volatile.Read(ref socket)?.Dispose();
        host.OnEnded(this);
    }

    /// <summary>A peer that cuts every connection off must not be called thousands of times a second.</summary>
    private void RestAfterBreak(TimeSpan stood)
    {
        if (stood >= host.Options.LongestPause)
            ResetBackoff();
        Interlocked.Increment(ref failureCount);
        Queue.Pause(NextPause(), host.Options.Time);
    }

    private bool TryConnect()
    {
        Socket? raw = null;
        try
        {
            var address = IPAddress.TryParse(Peer.Host, out var known) ? known : Dns.GetHostAddresses(Peer.Host)[0];
            raw = LocalAddress.Connect(address, Peer.Port);
            var isLocal = raw is not null;
            raw ??= new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            var made = new StripeSocket(raw, host.Options.SocketBufferBytes);
            if (!isLocal)
                raw.Connect(address, Peer.Port);
            var name = Encoding.UTF8.GetBytes(host.Options.SiloName.ToString());
            made.Send(Control(FrameKind.Hello, 0, default, name.Length), name);
            Volatile.Write(ref socket, made);
            unreachableSince = null;
            return true;
        }
        catch (SocketException error)
        {
            raw?.Dispose();
            Interlocked.Increment(ref failureCount);
            ReportWhenDue(error);
            return false;
        }
    }

    private void ReportWhenDue(SocketException error)
    {
        var (time, now) = (host.Options.Time, host.Options.Time.GetTimestamp());
        var isGone = error.SocketErrorCode == SocketError.ConnectionRefused;
        var isFirst = unreachableSince is null;
        unreachableSince ??= now;
        var period = isGone ? host.Options.GonePeriod : host.Options.UnreachablePeriod;
        if (!(isGone && isFirst) && time.GetElapsedTime(unreachableSince.Value, now) < period)
            return;
        unreachableSince = now;
        host.OnUnreachable(Peer, error.Message, isGone);
    }

    private TimeSpan NextPause()
    {
        var doublings = Math.Clamp(Volatile.Read(ref failureCount) - 1, 0, 16);
        var pause = host.Options.FirstPause * (1 << doublings);
        return pause < host.Options.LongestPause ? pause : host.Options.LongestPause;
    }

    private void SendUntilClosed()
    {
        var announced = new Dictionary<ulong, Position>();
        while (Queue.Take(IdleCheckPeriod, out var announcement, out var frame))
        {
            if (announcement is { } position)
                SendReady(position, announced);
            else if (frame is { } stripe)
                SendFrame(stripe);
            else
                socket!.ThrowIfEnded();
        }

        socket!.Send(Control(FrameKind.Goodbye, 0, default, 0), []);
    }

    private void SendReady(Announcement announcement, Dictionary<ulong, Position> announced)
    {
        var (key, position, again) = announcement;
        if (!again && announced.TryGetValue(key, out var told) && told == position)
            return;

        // A peer that died has ended its own connection too, and an announcement is asked for then.
        socket!.ThrowIfEnded();
        socket!.Send(Control(FrameKind.Ready, key, position, 0), []);
        announced[key] = position;
    }

    private void SendFrame(in OutgoingFrame frame)
    {
        if (!frame.Memory.TryEnter(this))
            return;
        try
        {
            socket!.Send(frame.Header, (byte*)frame.Payload);
            frame.Traffic.CountSent(frame.Header.PayloadBytes);
        }
        finally
        {
            frame.Memory.Exit(this);
        }
    }

    private static FrameHeader Control(FrameKind kind, ulong key, Position position, int payloadBytes) => new(
        kind, ElementType.Float32, key, position.Generation, position.Step, 0, new Subtree(0, 0), payloadBytes);
}

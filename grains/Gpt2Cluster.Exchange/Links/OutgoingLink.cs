using System.Net;
using System.Net.Sockets;
using System.Text;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Exchange.Averaging;
using Gpt2Cluster.Exchange.Frames;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>
/// The connection over which this silo sends to one other silo, and the thread that does it. A connection that breaks
/// is made again as long as somebody uses the link; whatever it may have lost is then queued again by the runs.
/// </summary>
internal sealed unsafe class OutgoingLink : IDisposable
{
    // The first bytes sent into a connection that the peer has left are lost without an error. If nothing follows them,
    // only a look at the connection shows it.
    private static readonly TimeSpan IdleCheckPeriod = TimeSpan.FromMilliseconds(250);

    private readonly StripeChannel channel;
    private readonly FrameQueue queue = new();
    private readonly Thread thread;
    private StripeSocket? socket;
    private Lease? sending;
    private int failureCount;
    private long? unreachableSince;
    private bool closed;

    /// <summary>Starts the thread; it connects on its own.</summary>
    public OutgoingLink(StripeChannel channel, ExchangeMember peer)
    {
        this.channel = channel;
        Peer = peer;
        thread = channel.NewThread(Run, $"stripes to {peer.SiloName}");
        thread.Start();
    }

    /// <summary>Who is at the other end.</summary>
    public ExchangeMember Peer { get; }

    /// <summary>How many runs use the link; guarded by the channel.</summary>
    public int UserCount { get; set; }

    /// <summary>Adds a frame; returns at once.</summary>
    public void Send(in OutgoingFrame frame) => queue.Add(frame);

    /// <summary>Tells the peer where the run stands here; returns at once.</summary>
    /// <param name="run">The run.</param>
    /// <param name="again">Whether to repeat what the peer was told already, so that it sends all it has again.</param>
    public void Announce(RunExchange run, bool again = false) => queue.Announce(run, again);

    /// <summary>Drops the frames that wait for a run.</summary>
    public void RemoveFrames(RunExchange run) => queue.RemoveFrames(run);

    /// <summary>Makes the pauses between attempts short again: the run goes on, so the peer is wanted.</summary>
    public void Encourage() => Volatile.Write(ref failureCount, 0);

    /// <summary>Breaks the connection if it is half way through a frame under that lease.</summary>
    public void BreakIfSending(Lease lease)
    {
        if (Volatile.Read(ref sending) == lease)
            Volatile.Read(ref socket)?.Dispose();
    }

    /// <summary>Breaks the connection as a fault of the network would.</summary>
    public void Break() => Volatile.Read(ref socket)?.Dispose();

    /// <summary>Sends what is queued, says goodbye, and ends the thread; returns at once.</summary>
    public void End()
    {
        Volatile.Write(ref closed, true);
        queue.Close();
    }

    /// <summary>Ends as <see cref="End"/> does, and breaks the connection if that takes long.</summary>
    public void Dispose()
    {
        End();
        if (Thread.CurrentThread != thread && !thread.Join(channel.Options.DrainTimeout))
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
                queue.Pause(NextPause(), channel.Options.Time);
                continue;
            }

            var began = channel.Options.Time.GetTimestamp();
            try
            {
                channel.LinkUp(this);
                SendUntilClosed();
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                Volatile.Read(ref socket)?.Dispose();
                if (Volatile.Read(ref closed))
                    break;
                channel.LinkDown(Peer.SiloName, $"The connection to it broke: {error.Message}");
                RestAfterBreak(channel.Options.Time.GetElapsedTime(began));
            }
        }

        Volatile.Read(ref socket)?.Dispose();
        channel.Ended(this);
    }

    /// <summary>A peer that cuts every connection off must not be called thousands of times a second.</summary>
    private void RestAfterBreak(TimeSpan stood)
    {
        if (stood >= channel.Options.LongestPause)
            Encourage();
        Interlocked.Increment(ref failureCount);
        queue.Pause(NextPause(), channel.Options.Time);
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
            var made = new StripeSocket(raw, channel.Options.SocketBufferBytes);
            if (!isLocal)
                raw.Connect(address, Peer.Port);
            var name = Encoding.UTF8.GetBytes(channel.Options.SiloName);
            made.Send(Control(FrameKind.Hello, 0, 0, 0, name.Length), name);
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
        var (time, now) = (channel.Options.Time, channel.Options.Time.GetTimestamp());
        var isGone = error.SocketErrorCode == SocketError.ConnectionRefused;
        var isFirst = unreachableSince is null;
        unreachableSince ??= now;
        var period = isGone ? channel.Options.GonePeriod : channel.Options.UnreachablePeriod;
        if (!(isGone && isFirst) && time.GetElapsedTime(unreachableSince.Value, now) < period)
            return;
        unreachableSince = now;
        channel.OutOfReach(Peer, error.Message, isGone);
    }

    private TimeSpan NextPause()
    {
        var doublings = Math.Clamp(Volatile.Read(ref failureCount) - 1, 0, 16);
        var pause = channel.Options.FirstPause * (1 << doublings);
        return pause < channel.Options.LongestPause ? pause : channel.Options.LongestPause;
    }

    private void SendUntilClosed()
    {
        var announced = new Dictionary<ulong, (int Generation, long Step)>();
        while (queue.Take(IdleCheckPeriod, out var announcement, out var frame))
        {
            if (announcement is not null)
                SendReady(announcement, announced);
            else if (frame is { } stripe)
                SendFrame(stripe);
            else
                socket!.ThrowIfEnded();
        }

        socket!.Send(Control(FrameKind.Goodbye, 0, 0, 0, 0), []);
    }

    private void SendReady(Announcement announcement, Dictionary<ulong, (int Generation, long Step)> announced)
    {
        var run = announcement.Run;
        var standing = run.Standing;
        if (!announcement.Again && announced.TryGetValue(run.Key, out var told) && told == standing)
            return;

        // A peer that died has ended its own connection too, and the run asks for an announcement then.
        socket!.ThrowIfEnded();
        socket!.Send(Control(FrameKind.Ready, run.Key, standing.Generation, standing.Step, 0), []);
        announced[run.Key] = standing;
    }

    private void SendFrame(in OutgoingFrame frame)
    {
        if (frame.Run.Generation != frame.Generation || !frame.Lease.TryEnter())
            return;
        try
        {
            Volatile.Write(ref sending, frame.Lease);
            var range = frame.Step.Layout.Range(frame.Stripe);
            var bytes = range.Count * frame.Buffer.ElementBytes;
            var header = new FrameHeader(
                frame.Kind, frame.Buffer.ElementType, frame.Run.Key, frame.Generation, frame.Step.Step, frame.Stripe,
                frame.Subtree, bytes);
            socket!.Send(header, (byte*)frame.Buffer.Pointer + (range.Start * frame.Buffer.ElementBytes));
            frame.Step.CountSent(bytes);
        }
        finally
        {
            Volatile.Write(ref sending, null);
            frame.Lease.Exit();
        }
    }

    private static FrameHeader Control(FrameKind kind, ulong run, int generation, long step, int payloadBytes) =>
        new(kind, ElementType.Float32, run, generation, step, 0, new Subtree(0, 0), payloadBytes);
}

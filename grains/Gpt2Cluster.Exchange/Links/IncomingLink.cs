using System.Net;
using System.Net.Sockets;
using System.Text;
using Gpt2Cluster.Exchange.Averaging;
using Gpt2Cluster.Exchange.Frames;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>
/// A connection over which another silo sends, and the thread that receives. It always drains: nothing it does waits
/// for another silo. What no correct peer would send ends the connection and nothing else.
/// </summary>
internal sealed unsafe class IncomingLink : IDisposable
{
    /// <summary>Longest silo name, bytes.</summary>
    public const int MaxNameBytes = 256;

    private readonly StripeChannel channel;
    private readonly StripeSocket socket;
    private readonly string address;
    private readonly Thread thread;
    private readonly byte[] scratch = new byte[StripeSocket.PieceBytes];
    private Lease? receiving;

    /// <summary>Takes over an accepted socket; <see cref="Start"/> must follow.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="accepted">The socket.</param>
    /// <param name="number">Its place in the order of accepted connections.</param>
    public IncomingLink(StripeChannel channel, Socket accepted, long number)
    {
        Number = number;
        this.channel = channel;
        address = accepted.RemoteEndPoint is IPEndPoint remote ? remote.ToString() : "this machine";
        socket = new StripeSocket(accepted, channel.Options.SocketBufferBytes);
        thread = channel.NewThread(Run, $"stripes from {address}");
    }

    /// <summary>Its place in the order of accepted connections.</summary>
    public long Number { get; }

    /// <summary>The silo at the other end; null until it has said so.</summary>
    public string? PeerName { get; private set; }

    /// <summary>Whether an average is half way through it.</summary>
    public bool IsReceivingAnAverage => Volatile.Read(ref receiving) is not null;

    /// <summary>Starts receiving.</summary>
    public void Start() => thread.Start();

    /// <summary>Breaks the connection.</summary>
    public void Break() => socket.Dispose();

    /// <summary>Breaks the connection if it is half way through a frame under that lease.</summary>
    public void BreakIfReceiving(Lease lease)
    {
        if (Volatile.Read(ref receiving) == lease)
            Break();
    }

    /// <summary>Breaks the connection and waits for the thread to end.</summary>
    public void Dispose()
    {
        Break();
        if (Thread.CurrentThread != thread)
            thread.Join();
    }

    private void Run()
    {
        string? reason = null;
        try
        {
            ReceiveHello();
            reason = ReceiveUntilClosed();
        }
        catch (FrameFaultException fault)
        {
            reason = $"It was cut off: {fault.Message}";
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            reason = $"The connection from it broke: {error.Message}";
        }
        finally
        {
            // Who is cut off finds the reason in the log.
            channel.IncomingEnded(this, address, reason);
            socket.Dispose();
        }
    }

    private void ReceiveHello()
    {
        socket.LimitReceive(channel.Options.HelloTimeout, channel.Options.Time);
        var header = socket.ReceiveHeader() ?? throw new FrameFaultException("It closed without a word.");
        if (header.Kind != FrameKind.Hello || header.PayloadBytes is < 1 or > MaxNameBytes)
            throw new FrameFaultException("The first frame is no proper hello.");
        fixed (byte* name = scratch)
        {
            if (!socket.ReceivePayload(name, header.PayloadBytes))
                throw new FrameFaultException("The hello's checksum is wrong.");
        }

        PeerName = Encoding.UTF8.GetString(scratch, 0, header.PayloadBytes);
        socket.LimitReceive(TimeSpan.Zero, channel.Options.Time);
    }

    private string? ReceiveUntilClosed()
    {
        while (socket.ReceiveHeader() is { } header)
        {
            switch (header.Kind)
            {
                case FrameKind.Goodbye:
                    return null;
                case FrameKind.Ready when header.PayloadBytes == 0:
                    channel.PeerReady(header.Run, PeerName!, new(Number, header.Generation, header.Step));
                    break;
                case FrameKind.Contribution or FrameKind.Average:
                    ReceiveStripe(header);
                    break;
                default:
                    throw new FrameFaultException($"A frame of kind {(int)header.Kind} has no place here.");
            }
        }

        return "It closed the connection.";
    }

    private void ReceiveStripe(in FrameHeader header)
    {
        var run = channel.RunOf(header.Run, out var wasClosed);
        if (run is null && !wasClosed)
            throw new FrameFaultException("A stripe of an unknown run came.");
        if (run is null)
        {
            // Its run has just ended here: its length can no longer be checked against the layout, only bounded.
            if (header.PayloadBytes < 0 || header.PayloadBytes > channel.Options.StripeElements * sizeof(float))
                throw new FrameFaultException($"A stripe of {header.PayloadBytes} bytes came.");
            socket.Drain(header.PayloadBytes, scratch);
            return;
        }

        var landing = run.Land(header, PeerName!);
        if (landing.Step is null)
            socket.Drain(header.PayloadBytes, scratch);
        else
            ReceiveInto(run, header, landing);
    }

    private void ReceiveInto(RunExchange run, in FrameHeader header, in Landing landing)
    {
        var arrived = false;
        try
        {
            Volatile.Write(ref receiving, landing.Lease);

            // Whoever takes it out of the membership breaks what it sees being received, and may have looked before.
            if (landing.Lease is not null && !run.Knows(PeerName!))
                Break();
            arrived = socket.ReceivePayload(landing.Destination, header.PayloadBytes);
        }
        finally
        {
            Volatile.Write(ref receiving, null);
            if (!arrived)
                run.Abandon(header, landing);
        }

        if (!arrived)
            throw new FrameFaultException($"Stripe {header.Stripe} of step {header.Step} has a wrong checksum.");
        run.Accept(header, landing, PeerName!);
    }
}

using System.Net;
using System.Net.Sockets;
using System.Text;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Averaging;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Exchange.Frames;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>
/// A connection over which another silo sends, and the thread that receives. It always drains: nothing it does waits
/// for another silo. What no correct peer would send ends the connection and nothing else.
/// </summary>
internal sealed unsafe class IncomingLink : IConnection, IDisposable
{
    /// <summary>Longest silo name, bytes.</summary>
    public const int MaxNameBytes = 256;

    private readonly ILinkHost host;
    private readonly long number;
    private readonly StripeSocket socket;
    private readonly string address;
    private readonly Thread thread;
    private readonly byte[] scratch = new byte[StripeSocket.PieceBytes];
    private bool isReceivingAnAverage;

    /// <summary>Takes over an accepted socket; <see cref="Start"/> must follow.</summary>
    /// <param name="host">The transport.</param>
    /// <param name="accepted">The socket.</param>
    /// <param name="number">Its place in the order of accepted connections.</param>
    public IncomingLink(ILinkHost host, Socket accepted, long number)
    {
        (this.host, this.number) = (host, number);
        address = accepted.RemoteEndPoint is IPEndPoint remote ? remote.ToString() : "this machine";
        socket = new StripeSocket(accepted, host.Options.SocketBufferBytes);
        thread = host.Options.NewThread(Run, $"stripes from {address}");
    }

    /// <inheritdoc/>
    public SiloName? PeerName { get; private set; }

    /// <summary>Whether an average is half way through it.</summary>
    public bool IsReceivingAnAverage => Volatile.Read(ref isReceivingAnAverage);

    /// <summary>Starts receiving.</summary>
    public void Start() => thread.Start();

    /// <inheritdoc/>
    public void Break() => socket.Dispose();

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
        catch (Exception fault) when (fault is FrameFaultException or PeerFaultException)
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
            host.OnEnded(this, number, address, reason);
            socket.Dispose();
        }
    }

    private void ReceiveHello()
    {
        socket.LimitReceive(host.Options.HelloTimeout, host.Options.Time);
        var header = socket.ReceiveHeader() ?? throw new FrameFaultException("It closed without a word.");
        if (header.Kind != FrameKind.Hello || header.PayloadBytes is < 1 or > MaxNameBytes)
            throw new FrameFaultException("The first frame is no proper hello.");
        fixed (byte* name = scratch)
        {
            if (!socket.ReceivePayload(name, header.PayloadBytes))
                throw new FrameFaultException("The hello's checksum is wrong.");
        }

        try
        {
            PeerName = SiloName.Parse(Encoding.UTF8.GetString(scratch, 0, header.PayloadBytes));
        }
        catch (UserErrorException exception)
        {
            throw new FrameFaultException(exception.Message);
        }

        socket.LimitReceive(TimeSpan.Zero, host.Options.Time);
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
                    host.OnPeerPosition(
                        header.Run, PeerName!.Value, new(number, new(header.Generation, header.Step)));
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
        var endpoint = host.EndpointOf(header.Run, out var wasClosed);
        if (endpoint is null && !wasClosed)
            throw new FrameFaultException("A stripe of an unknown run came.");
        if (endpoint is null)
        {
            // Its run has just ended here: its length can no longer be checked against the layout, only bounded.
            if (header.PayloadBytes < 0 || header.PayloadBytes > host.Options.StripeElements * sizeof(float))
                throw new FrameFaultException($"A stripe of {header.PayloadBytes} bytes came.");
            socket.Drain(header.PayloadBytes, scratch);
            return;
        }

        var destination = endpoint.ReserveDestination(header, this);
        if (destination.Pointer is null)
            socket.Drain(header.PayloadBytes, scratch);
        else
            ReceiveInto(endpoint, header, destination);
    }

    private void ReceiveInto(IStripeEndpoint endpoint, in FrameHeader header, in Destination destination)
    {
        var arrived = false;
        Volatile.Write(ref isReceivingAnAverage, destination.Memory is not null);
        try
        {
            arrived = socket.ReceivePayload(destination.Pointer, header.PayloadBytes);
        }
        finally
        {
            Volatile.Write(ref isReceivingAnAverage, false);
            if (!arrived)
                endpoint.OnReceptionFailed(header, destination, this);
        }

        if (!arrived)
            throw new FrameFaultException($"Stripe {header.Stripe} of step {header.Step} has a wrong checksum.");
        endpoint.OnReceived(header, destination, this);
    }
}

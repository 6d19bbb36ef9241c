using System.Net;
using System.Net.Sockets;
using System.Text;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Exchange.Frames;
using Gpt2Cluster.Exchange.Links;

namespace Gpt2Cluster.Exchange.Tests;

/// <summary>A socket that says to a stripe channel whatever a test wants.</summary>
internal sealed class RawPeer : IDisposable
{
    private readonly Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
    private readonly StripeSocket frames;

    public RawPeer(StripeChannel channel)
    {
        frames = new StripeSocket(socket, bufferBytes: 0);
        socket.Connect(IPAddress.Loopback, channel.Port);
        socket.ReceiveTimeout = (int)TestCluster.Deadline.TotalMilliseconds;
    }

    public void Hello(string name)
    {
        var bytes = Encoding.UTF8.GetBytes(name);
        frames.Send(Frame(FrameKind.Hello) with { PayloadBytes = bytes.Length }, bytes);
    }

    public void Send(in FrameHeader header, ReadOnlySpan<byte> payload) => Send(Bytes(header, payload));

    public void Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            socket.Send(bytes);
        }
        catch (SocketException error)
            when (error.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            // Cut off while it was still talking; AssertCutOff will see it.
        }
    }

    /// <summary>The bytes of a whole frame, for those who want to damage it.</summary>
    public static byte[] Bytes(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        var bytes = new byte[FrameHeader.SizeBytes + payload.Length + FrameHeader.TrailerBytes];
        header.Write(bytes);
        payload.CopyTo(bytes.AsSpan(FrameHeader.SizeBytes));
        var checksum = new StripeChecksum();
        checksum.Append(payload);
        BitConverter.TryWriteBytes(bytes.AsSpan(FrameHeader.SizeBytes + payload.Length), checksum.Value());
        return bytes;
    }

    /// <summary>Sends byte by byte, each some time after the one before.</summary>
    /// <returns>Whether the channel cut the connection off before the last.</returns>
    public bool Trickle(ReadOnlySpan<byte> bytes, TimeSpan pace)
    {
        foreach (var each in bytes)
        {
            Send([each]);
            if (socket.Poll(pace, SelectMode.SelectRead))
                return true;
        }

        return false;
    }

    /// <summary>Waits until the channel has cut this connection off.</summary>
    public void AssertCutOff()
    {
        try
        {
            Assert.Equal(0, socket.Receive(new byte[1]));
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Cut off with unread bytes: just as good.
        }
    }

    public static FrameHeader Frame(FrameKind kind) =>
        new(kind, ElementType.Float32, FrameHeader.RunKey(TestCluster.Run.Run()), 1, 1, 0, new Subtree(0, 0), 0);

    public void Dispose() => socket.Dispose();
}

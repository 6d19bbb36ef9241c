using System.Net.Sockets;
using Gpt2Cluster.Exchange.Frames;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>
/// A blocking socket that moves frames. Payloads go out of and into native memory in pieces that are hashed while they
/// are in the cache.
/// </summary>
internal sealed unsafe class StripeSocket : IDisposable
{
    /// <summary>Bytes hashed and moved at once: a quarter of the second-level cache of a small core.</summary>
    public const int PieceBytes = 128 << 10;

    private const int TcpLevel = 6;
    private const int SynCountOption = 7;
    private const int UserTimeoutOption = 18;
    private const int SynCount = 1;
    private const int UserTimeoutMilliseconds = 5_000;

    private readonly Socket socket;
    private readonly StripeChecksum checksum = new();
    private readonly byte[] small = new byte[FrameHeader.SizeBytes];
    private Func<TimeSpan>? timeLeft;

    /// <summary>Takes over a socket and sets it up.</summary>
    public StripeSocket(Socket socket, int bufferBytes)
    {
        this.socket = socket;
        if (bufferBytes > 0)
        {
            socket.SendBufferSize = bufferBytes;
            socket.ReceiveBufferSize = bufferBytes;
        }

        if (socket.AddressFamily != AddressFamily.Unix)
            SetUpTcp();
    }

    /// <summary>Sends a frame without a payload, or with a small managed one.</summary>
    public void Send(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        header.Write(small);
        SendAll(small);
        if (payload.IsEmpty)
            return;
        fixed (byte* pointer = payload)
            SendPayload(pointer, payload.Length);
    }

    /// <summary>Sends a frame with a payload from native memory.</summary>
    public void Send(in FrameHeader header, byte* payload)
    {
        header.Write(small);
        SendAll(small);
        SendPayload(payload, header.PayloadBytes);
    }

    /// <summary>Receives a header; null if the peer closed the connection between two frames.</summary>
    public FrameHeader? ReceiveHeader()
    {
        var count = socket.Receive(small, SocketFlags.None);
        if (count == 0)
            return null;
        if (count < small.Length)
            ReceiveAll(small.AsSpan(count));
        return FrameHeader.Read(small);
    }

    /// <summary>Receives a payload and its checksum.</summary>
    /// <returns>Whether the checksum is right.</returns>
    public bool ReceivePayload(byte* into, int bytes)
    {
        checksum.Reset();
        for (var offset = 0; offset < bytes;)
        {
            var piece = new Span<byte>(into + offset, Math.Min(PieceBytes, bytes - offset));
            ReceiveAll(piece);
            checksum.Append(piece);
            offset += piece.Length;
        }

        return ReceiveTrailer() == checksum.Value();
    }

    /// <summary>Receives a payload nobody needs; its checksum is not looked at.</summary>
    public void Drain(int bytes, Span<byte> scratch)
    {
        for (var left = bytes; left > 0;)
        {
            var piece = scratch[..Math.Min(scratch.Length, left)];
            ReceiveAll(piece);
            left -= piece.Length;
        }

        if (bytes > 0)
            ReceiveTrailer();
    }

    /// <summary>Looks whether the connection still stands; only for a side that never receives anything.</summary>
    /// <exception cref="SocketException">The peer closed it, or it broke.</exception>
    public void ThrowIfEnded()
    {
        if (socket.Poll(0, SelectMode.SelectRead))
            throw new SocketException((int)SocketError.ConnectionReset);
    }

    /// <summary>Bounds how long all that is received from now on may take together; zero for no bound.</summary>
    public void LimitReceive(TimeSpan limit, TimeProvider time)
    {
        var began = time.GetTimestamp();
        timeLeft = limit == TimeSpan.Zero ? null : () => limit - time.GetElapsedTime(began);
        socket.ReceiveTimeout = (int)limit.TotalMilliseconds;
    }

    /// <summary>Closes the connection; a thread blocked in it gets an exception.</summary>
    public void Dispose() => socket.Dispose();

    private void SendPayload(byte* payload, int bytes)
    {
        checksum.Reset();
        for (var offset = 0; offset < bytes;)
        {
            var piece = new ReadOnlySpan<byte>(payload + offset, Math.Min(PieceBytes, bytes - offset));
            checksum.Append(piece);
            SendAll(piece);
            offset += piece.Length;
        }

        Span<byte> trailer = stackalloc byte[FrameHeader.TrailerBytes];
        BitConverter.TryWriteBytes(trailer, checksum.Value());
        SendAll(trailer);
    }

    private ulong ReceiveTrailer()
    {
        Span<byte> trailer = stackalloc byte[FrameHeader.TrailerBytes];
        ReceiveAll(trailer);
        return BitConverter.ToUInt64(trailer);
    }

    private void SendAll(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[socket.Send(bytes, SocketFlags.None)..];
    }

    private void ReceiveAll(Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var count = socket.Receive(bytes, SocketFlags.None);
            if (count == 0)
                throw new SocketException((int)SocketError.ConnectionReset);
            bytes = bytes[count..];
            if (timeLeft is not null)
                WaitNoLongerThan(timeLeft());
        }
    }

    private void WaitNoLongerThan(TimeSpan left)
    {
        if (left < TimeSpan.FromMilliseconds(1))
            throw new SocketException((int)SocketError.TimedOut);
        socket.ReceiveTimeout = (int)left.TotalMilliseconds;
    }

    private void SetUpTcp()
    {
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 2);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 1);
        if (!OperatingSystem.IsLinux())
            return;

        // A host that answers nothing must not hold a thread for the two minutes the kernel would wait.
        socket.SetRawSocketOption(TcpLevel, SynCountOption, BitConverter.GetBytes(SynCount));
        socket.SetRawSocketOption(TcpLevel, UserTimeoutOption, BitConverter.GetBytes(UserTimeoutMilliseconds));
    }
}

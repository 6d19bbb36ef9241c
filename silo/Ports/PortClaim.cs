using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Gpt2Cluster.Silo.Ports;

/// <summary>
/// A port that this process holds for a server that is still to come. On Linux the claim is a socket that is bound to
/// the port and does not listen: the system gives the port to no outgoing connection and to no other claim, yet lets
/// the server in beside it, because sockets of .NET set SO_REUSEADDR when they bind. Elsewhere the server can come only
/// after the claim is given up.
/// </summary>
internal sealed partial class PortClaim : IDisposable
{
    private const int AddressInUseOfLinux = 98;
    private const int SocketLevelOfLinux = 1;
    private const int ReuseAddressOfLinux = 2;

    private readonly Socket socket;
    private readonly IPEndPoint endpoint;

    private PortClaim(Socket socket, IPEndPoint endpoint)
    {
        this.socket = socket;
        this.endpoint = endpoint;
    }

    /// <summary>Whether the server can listen while the claim is held.</summary>
    public static bool LetsServerIn => OperatingSystem.IsLinux();

    /// <summary>The port.</summary>
    public int Port => endpoint.Port;

    /// <summary>Claims a free port of <see cref="FreePorts"/>.</summary>
    /// <exception cref="SocketException">None is free, or the address is not of this machine.</exception>
    public static PortClaim OfAnyFree(IPAddress address) => OfAnyFree(address, FreePorts.OfThisMachine);

    /// <summary>Claims a free one of these ports; a random one is tried first.</summary>
    /// <exception cref="SocketException">None is free, or the address is not of this machine.</exception>
    public static PortClaim OfAnyFree(IPAddress address, IReadOnlyList<int> ports)
    {
        ArgumentNullException.ThrowIfNull(address);
        var first = Random.Shared.Next(ports.Count);
        for (var tried = 0; tried < ports.Count; tried++)
        {
            var endpoint = new IPEndPoint(address, ports[(first + tried) % ports.Count]);
            if (TryTake(endpoint) is { } claim)
                return claim;
        }

        throw new SocketException((int)SocketError.AddressAlreadyInUse);
    }

    /// <summary>Claims the port a user names.</summary>
    /// <exception cref="SocketException">Somebody listens there, or it cannot be opened.</exception>
    public static PortClaim Of(IPAddress address, int port)
    {
        ArgumentNullException.ThrowIfNull(address);

        // Connections of an earlier life that linger there are not in the way: only who listens is.
        var endpoint = new IPEndPoint(address, port);
        var listening = Listen(endpoint);
        if (!LetsServerIn)
            return new PortClaim(listening, endpoint);
        listening.Dispose();
        var socket = NewSocket(address);
        try
        {
            socket.Bind(endpoint);
            return new PortClaim(socket, endpoint);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Whether a server at that address and port would be in the way of this claim's.</summary>
    public bool Covers(IPAddress address, int port) =>
        port == Port && (endpoint.Address.Equals(address) || IsAny(endpoint.Address) || IsAny(address));

    /// <summary>Gives the port up. A server that listens there goes on.</summary>
    public void Dispose() => socket.Dispose();

    private static PortClaim? TryTake(IPEndPoint endpoint)
    {
        if (LetsServerIn)
            return TryHold(endpoint);
        try
        {
            return new PortClaim(Listen(endpoint), endpoint);
        }
        catch (SocketException problem) when (problem.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return null;
        }
    }

    /// <summary>
    /// Binds without SO_REUSEADDR, which only succeeds where no other socket is bound, then sets it, so that the server
    /// can bind too. .NET's own Bind would set it first.
    /// </summary>
    private static PortClaim? TryHold(IPEndPoint endpoint)
    {
        var socket = NewSocket(endpoint.Address);
        var address = endpoint.Serialize();
        if (Bind(socket.SafeHandle, address.Buffer.Span, address.Size) == 0)
        {
            socket.SetRawSocketOption(SocketLevelOfLinux, ReuseAddressOfLinux, BitConverter.GetBytes(1));
            return new PortClaim(socket, endpoint);
        }

        var error = Marshal.GetLastPInvokeError();
        socket.Dispose();
        return error == AddressInUseOfLinux ? null : throw new SocketException(error);
    }

    private static Socket Listen(IPEndPoint endpoint)
    {
        var socket = NewSocket(endpoint.Address);
        try
        {
            socket.Bind(endpoint);
            socket.Listen();
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private static Socket NewSocket(IPAddress address) =>
        new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(SafeSocketHandle socket, ReadOnlySpan<byte> address, int length);
}

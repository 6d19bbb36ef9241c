using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>
/// How silos of one machine reach each other: a Unix socket costs two thirds of what TCP over loopback costs for the
/// same bytes (tests/benchmarks/EXCHANGE.md), because no packets are made.
/// </summary>
/// <remarks>
/// The socket has a name of Linux' abstract kind, made of the TCP port. Like that port it belongs to the network
/// namespace and goes with the process. A name has no owner, so the side that connects looks whose process answers.
/// </remarks>
internal static partial class LocalAddress
{
    private const int SocketLevel = 1;
    private const int PeerCredentials = 17;
    private const int CredentialBytes = 12;
    private const int UserOffset = 4;

    /// <summary>A listener beside the TCP one; null where the system has none, or somebody has the name.</summary>
    public static Socket? Listen(int port)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(EndPointOf(port));
            listener.Listen();
            return listener;
        }
        catch (SocketException)
        {
            listener.Dispose();
            return null;
        }
    }

    /// <summary>A connection to a silo of this machine and this user; null if there is none.</summary>
    public static Socket? Connect(IPAddress address, int port)
    {
        if (!OperatingSystem.IsLinux() || !IsHere(address))
            return null;
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(EndPointOf(port));
            if (IsOfThisUser(socket))
                return socket;
        }
        catch (SocketException)
        {
            // Nobody listens under that name; TCP says whether anybody listens at all.
        }

        socket.Dispose();
        return null;
    }

    private static UnixDomainSocketEndPoint EndPointOf(int port) => new($"\0gpt2cluster-stripes-{port}");

    /// <summary>Whether an address is one of this machine's: only such a one can be bound.</summary>
    private static bool IsHere(IPAddress address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Bind(new IPEndPoint(address, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static bool IsOfThisUser(Socket socket)
    {
        var credentials = new byte[CredentialBytes];
        socket.GetRawSocketOption(SocketLevel, PeerCredentials, credentials);
        return BitConverter.ToUInt32(credentials, UserOffset) == EffectiveUser();
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();
}

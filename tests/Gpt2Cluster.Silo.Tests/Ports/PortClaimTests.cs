using System.Net;
using System.Net.Sockets;
using Gpt2Cluster.Silo.Ports;

namespace Gpt2Cluster.Silo.Tests.Ports;

public sealed class PortClaimTests
{
    private const int IpLevelOfLinux = 0;
    private const int LocalPortRangeOfLinux = 51;

    /// <summary>
    /// Among the ports of outgoing connections, where silos choose only if nothing else is left: the claim alone keeps
    /// the port, though the system is told to choose the connection's port from this one.
    /// </summary>
    [Fact]
    public void No_outgoing_connection_is_given_a_claimed_port()
    {
        using var target = new TcpListener(IPAddress.Loopback, 0);
        target.Start();
        var (first, last) = FreePorts.EphemeralRange();
        var claim = PortClaim.OfAnyFree(IPAddress.Loopback, [.. Enumerable.Range(first, last - first + 1)]);
        using (claim)
        {
            using var refused = Outgoing(claim.Port);
            var problem = Assert.Throws<SocketException>(() => refused.Connect(target.LocalEndpoint));
            Assert.Equal(SocketError.AddressNotAvailable, problem.SocketErrorCode);
        }

        using var connected = Outgoing(claim.Port);
        connected.Connect(target.LocalEndpoint);
        Assert.Equal(claim.Port, ((IPEndPoint)connected.LocalEndPoint!).Port);
    }

    [Fact]
    public void A_server_listens_beside_the_claim_and_goes_on_after_it()
    {
        Assert.SkipUnless(PortClaim.LetsServerIn, "claims hold back servers on this system");
        var claim = PortClaim.OfAnyFree(IPAddress.Loopback);
        using var server = new TcpListener(IPAddress.Loopback, claim.Port);
        server.Start();
        claim.Dispose();
        using var client = new TcpClient();
        client.Connect((IPEndPoint)server.LocalEndpoint);
        using var accepted = server.AcceptTcpClient();
    }

    [Fact]
    public void A_named_port_is_refused_while_somebody_listens_there_and_claimed_again_after_a_life_with_connections()
    {
        using var claim = PortClaim.OfAnyFree(IPAddress.Loopback);
        using (var server = new TcpListener(IPAddress.Loopback, claim.Port))
        {
            server.Start();
            using var client = new TcpClient();
            client.Connect((IPEndPoint)server.LocalEndpoint);

            // The side that closes first keeps the port in TIME_WAIT.
            server.AcceptTcpClient().Dispose();
            Assert.Throws<SocketException>(() => PortClaim.Of(IPAddress.Loopback, claim.Port));
        }

        claim.Dispose();
        using var again = PortClaim.Of(IPAddress.Loopback, claim.Port);
        using var next = new TcpListener(IPAddress.Loopback, claim.Port);
        next.Start();
    }

    private static Socket Outgoing(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            var range = BitConverter.GetBytes((uint)(port | (port << 16)));
            socket.SetRawSocketOption(IpLevelOfLinux, LocalPortRangeOfLinux, range);
        }
        catch (SocketException)
        {
            socket.Dispose();
            Assert.Skip("this system cannot narrow the range of an outgoing connection's port (Linux 6.3 can)");
        }

        return socket;
    }
}

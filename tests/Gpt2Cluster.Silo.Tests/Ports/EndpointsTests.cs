using System.Net;
using System.Net.Sockets;
using Gpt2Cluster.Core;
using Gpt2Cluster.Silo.Ports;
using Gpt2Cluster.Silo.Settings;

namespace Gpt2Cluster.Silo.Tests.Ports;

public sealed class EndpointsTests
{
    private const int SiloCount = 24;
    private const int PortsOfASilo = 5;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private static readonly SiloSettings AnyPorts = new()
    {
        ClusterId = "test",
        Store = StoreAddress.Parse("embedded:0"),
        SiloPort = 0,
        GatewayPort = 0,
        StripePort = 0,
        Http = new IPEndPoint(IPAddress.Loopback, 0),
        Advertised = IPAddress.Loopback,
        Devices = "cpu",
        DataFolder = Path.GetTempPath(),
        KeepUnusedDays = 7,
    };

    [Fact]
    public void A_chosen_port_is_none_that_an_outgoing_connection_may_be_given()
    {
        var (first, last) = FreePorts.EphemeralRange();
        using var endpoints = Endpoints.Claim(AnyPorts);
        Assert.Equal(PortsOfASilo, Ports(endpoints).Distinct().Count());
        Assert.All(Ports(endpoints), port => Assert.Contains(port, FreePorts.OfThisMachine));
        if (!FreePorts.OfThisMachine.Contains(first))
            Assert.All(Ports(endpoints), port => Assert.False(port >= first && port <= last, $"{port} may be given"));
    }

    /// <summary>
    /// Silos choose at the same moment, each listens where it chose only when all have chosen, and all the while other
    /// connections come and go: the order of events that two silos starting on a busy machine can have.
    /// </summary>
    [Fact]
    public async Task Silos_that_start_at_once_among_connections_that_come_and_go_never_take_each_others_ports()
    {
        using var stop = new CancellationTokenSource(Deadline);
        using var churn = new Churn();
        var connecting = churn.Run(stop.Token);
        await churn.HasBegun.WaitAsync(Deadline);
        var endpoints = await Task.WhenAll(
            Enumerable.Range(0, SiloCount).Select(_ => Task.Run(() => Endpoints.Claim(AnyPorts))));
        var ports = endpoints.SelectMany(Ports).ToList();
        Assert.Equal(SiloCount * PortsOfASilo, ports.Distinct().Count());

        var servers = ports.ConvertAll(port => new TcpListener(IPAddress.Loopback, port));
        servers.ForEach(server => server.Start());
        await stop.CancelAsync();
        await connecting;
        servers.ForEach(server => server.Dispose());
        Assert.All(endpoints, one => one.Dispose());
    }

    [Fact]
    public void A_port_that_is_named_twice_is_in_use()
    {
        using var claim = PortClaim.OfAnyFree(IPAddress.Loopback);
        var twice = AnyPorts with { GatewayPort = claim.Port, StripePort = claim.Port };
        var problem = Assert.Throws<UserErrorException>(() => Endpoints.Claim(twice));
        Assert.Equal(
            $"Port {claim.Port} (--stripe-port) is in use; name another one, or 0 for any free port.", problem.Message);

        // On another address it is another port.
        using var fine = Endpoints.Claim(AnyPorts with
        {
            GatewayPort = claim.Port,
            Http = new IPEndPoint(IPAddress.Parse("127.0.0.2"), claim.Port),
        });
    }

    private static int[] Ports(Endpoints endpoints) =>
        [endpoints.Silo, endpoints.Gateway, endpoints.Stripe, endpoints.Http.Port, endpoints.Store];

    /// <summary>Connects over and over, and keeps the newest connections open.</summary>
    private sealed class Churn : IDisposable
    {
        private const int OpenCount = 200;

        private readonly TcpListener target = new(IPAddress.Loopback, 0);
        private readonly Queue<TcpClient> open = new();
        private readonly TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Churn() => target.Start();

        public Task HasBegun => begun.Task;

        public Task Run(CancellationToken stop) => Task.Factory.StartNew(
            () => Connect(stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        public void Dispose()
        {
            while (open.TryDequeue(out var oldest))
                oldest.Dispose();
            target.Dispose();
        }

        private void Connect(CancellationToken stop)
        {
            while (!stop.IsCancellationRequested)
            {
                var client = new TcpClient();
                client.Connect((IPEndPoint)target.LocalEndpoint);
                open.Enqueue(client);
                open.Enqueue(target.AcceptTcpClient());
                while (open.Count > OpenCount)
                    open.Dequeue().Dispose();
                begun.TrySetResult();
            }
        }
    }
}

using System.Net;
using System.Net.Sockets;
using Gpt2Cluster.Contracts;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Messaging;
using Orleans.Serialization;
using StackExchange.Redis;

namespace Gpt2Cluster.Client.Connection;

/// <summary>A connection to the silos of a cluster; it finds other gateways by itself when one is gone.</summary>
internal sealed class ClusterConnection : IAsyncDisposable
{
    /// <summary>A cluster elsewhere that has not answered after this long is unreachable.</summary>
    public static readonly TimeSpan ConnectBound = TimeSpan.FromSeconds(9);

    /// <summary>How long one of several gateways may take to have its name found.</summary>
    private static readonly TimeSpan NameBound = TimeSpan.FromSeconds(1);

    /// <summary>Between two attempts to connect; Orleans makes them, until the bound of all is over.</summary>
    private static readonly TimeSpan AttemptGap = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest a single call may take; long polls take 5 s.</summary>
    private static readonly TimeSpan ResponseBound = TimeSpan.FromSeconds(12);

    /// <summary>How often gateways that were lost are tried again.</summary>
    private static readonly TimeSpan GatewayRefresh = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan StopBound = TimeSpan.FromSeconds(2);

    private readonly IHost host;

    private ClusterConnection(IHost host, string address)
    {
        this.host = host;
        Address = address;
    }

    /// <summary>The cluster, for people.</summary>
    public string Address { get; }

    /// <summary>The grains of the cluster.</summary>
    public IGrainFactory Grains => host.Services.GetRequiredService<IClusterClient>();

    /// <summary>Connects.</summary>
    /// <exception cref="ClientException">No gateway answered within <paramref name="bound"/>.</exception>
    public static async Task<ClusterConnection> Connect(
        ClusterAddress address, TimeSpan bound, bool isVerbose, TimeProvider time, CancellationToken cancellation)
    {
        using var deadline = new CancellationTokenSource(bound, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
        var gateways = address is GatewayAddress list ? await Resolve(list, time) : [];
        try
        {
            var host = await GatewayRace.Run(
                Math.Max(1, gateways.Length),
                (index, over) => Start(address, new NamedGateways(gateways, index), isVerbose, time, over),
                time,
                either.Token);
            return new ClusterConnection(host, address.ToString());
        }
        catch (Exception problem) when (!cancellation.IsCancellationRequested)
        {
            throw Unreachable(address, bound, problem);
        }
    }

    private static async Task<IHost> Start(
        ClusterAddress address, NamedGateways gateways, bool isVerbose, TimeProvider time, CancellationToken over)
    {
        var host = Build(address, gateways, isVerbose, async (_, _) =>
        {
            if (over.IsCancellationRequested)
                return false;
            await Task.Delay(AttemptGap, time, CancellationToken.None);
            return true;
        });
        try
        {
            await host.StartAsync(over).WaitAsync(over);
            return host;
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await host.StopAsync(StopBound);
        }
        catch (OperationCanceledException)
        {
            // The silos may be gone already; nothing is lost.
        }

        host.Dispose();
    }

    private static ClientException Unreachable(ClusterAddress address, TimeSpan bound, Exception problem) => new(
        ExitCodes.Unreachable,
        $"The cluster at {address} did not answer within {bound.TotalSeconds:0} s; "
        + "check the address, the cluster's id and that its silos run.",
        problem);

    private static IHost Build(
        ClusterAddress address,
        NamedGateways gateways,
        bool isVerbose,
        Func<Exception, CancellationToken, Task<bool>> isToRetry)
    {
        return new HostBuilder()
            .ConfigureLogging(logging => Silence(logging, isVerbose))
            .ConfigureServices(services => services.AddSingleton<IHostLifetime, CommandLifetime>())
            .UseOrleansClient(client =>
            {
                client.UseConnectionRetryFilter(isToRetry);
                client.Configure<ClientMessagingOptions>(options => options.ResponseTimeout = ResponseBound);
                client.Configure<ExceptionSerializationOptions>(TravellingExceptions.Configure);
                client.Configure<GatewayOptions>(options => options.GatewayListRefreshPeriod = GatewayRefresh);
                Point(client, address, gateways);
            })
            .Build();
    }

    private static void Point(IClientBuilder client, ClusterAddress address, NamedGateways gateways)
    {
        var id = address switch
        {
            GatewayAddress list => list.ClusterId,
            RedisAddress redis => redis.ClusterId,
            _ => throw new InvalidOperationException("The local cluster's gateways must be known by now."),
        };
        client.Configure<ClusterOptions>(options =>
        {
            options.ClusterId = id;
            options.ServiceId = id;
        });
        if (address is RedisAddress store)
        {
            client.UseRedisClustering(options => options.ConfigurationOptions = StoreOptions(store));
            return;
        }

        client.Services.AddSingleton<IGatewayListProvider>(gateways);
        client.AddGatewayCountChangedHandler((_, change) =>
        {
            if (change.NumberOfConnectedGateways == 0)
                gateways.Lose();
        });
    }

    private static ConfigurationOptions StoreOptions(RedisAddress address) => new()
    {
        EndPoints = { { address.Store.Host, address.Store.Port } },
        Password = address.Password,
        AbortOnConnectFail = true,
        ConnectTimeout = (int)(ConnectBound / 2).TotalMilliseconds,
    };

    private static void Silence(ILoggingBuilder logging, bool isVerbose)
    {
        logging.ClearProviders();
        if (!isVerbose)
            return;
        logging.AddSimpleConsole(options => options.SingleLine = true);
        logging.AddFilter("Orleans", LogLevel.Warning);
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(
            options => options.LogToStandardErrorThreshold = LogLevel.Trace);
    }

    /// <summary>One whose name is not found is left out while there are others.</summary>
    private static async Task<IPEndPoint[]> Resolve(GatewayAddress address, TimeProvider time)
    {
        var asked = address.Gateways.Select(gateway => Task.Run(() => Resolve(gateway))).ToArray();
        var all = Task.WhenAll(asked);
        await Task.WhenAny(all, Task.Delay(NameBound, time));
        while (!all.IsCompleted && !Array.Exists(asked, one => one.IsCompletedSuccessfully))
            await Task.WhenAny(asked.Where(one => !one.IsCompleted));
        var found = asked.Where(one => one.IsCompletedSuccessfully).Select(one => one.Result).ToArray();
        return found.Length > 0 ? found : await all;
    }

    private static async Task<IPEndPoint> Resolve(HostAndPort gateway)
    {
        try
        {
            var addresses = await Dns.GetHostAddressesAsync(gateway.Host);
            var preferred = Array.Find(addresses, one => one.AddressFamily == AddressFamily.InterNetwork);
            return new IPEndPoint(preferred ?? addresses[0], gateway.Port);
        }
        catch (SocketException problem)
        {
            throw new ClientException(
                ExitCodes.Unreachable, $"The host '{gateway.Host}' of --cluster has no address.", problem);
        }
    }

    /// <summary>The command decides when the connection ends; by itself the host would end it at Ctrl+C.</summary>
    private sealed class CommandLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

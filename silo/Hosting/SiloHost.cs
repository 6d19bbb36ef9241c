using System.Net;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Exchange;
using Gpt2Cluster.Grains.Housekeeping;
using Gpt2Cluster.Grains.Metrics;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Grains.Runs;
using Gpt2Cluster.Grains.Workers;
using Gpt2Cluster.Silo.Http;
using Gpt2Cluster.Silo.Lifetime;
using Gpt2Cluster.Silo.Membership;
using Gpt2Cluster.Silo.Ports;
using Gpt2Cluster.Silo.Settings;
using Gpt2Cluster.Silo.Store;
using Microsoft.Extensions.Logging.Console;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>Puts one silo together: store, Orleans, grains, pages.</summary>
public static class SiloHost
{
    /// <summary>How long an orderly stop may take once no worker serves a run, or nobody waits for that.</summary>
    public static readonly TimeSpan StopBound = TimeSpan.FromSeconds(10);

    /// <summary>Composes the silo; nothing listens and nothing runs yet.</summary>
    /// <exception cref="Core.UserErrorException">The settings do not fit this machine: ports, folders,
    /// devices.</exception>
    public static WebApplication Build(SiloSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        KeepThreadsForMessages();
        var dataFolderId = DataFolder.Open(settings.DataFolder);
        var endpoints = Endpoints.Claim(settings);
        var stripeLogger = new TaskCompletionSource<ILogger>();
        var context = ContextOf(settings, endpoints, dataFolderId, stripeLogger.Task);
        StaleFiles.Remove(context);
        FaultSocket.ConnectIfNamed(context.Name);

        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        AddLogging(builder);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = StopBound);
        builder.Services.AddSingleton(TimeProvider.System).AddSingleton(settings).AddSingleton(_ => endpoints);
        builder.Services.AddSingleton(settings.Coordinator);
        if (settings.StopsWithParent)
            builder.Services.AddHostedService<ParentWatch>();

        // Hosted services start in this order and stop in the opposite one: the store outlives what needs it.
        var store = AddStore(builder.Services, settings, endpoints);
        builder.UseOrleans(orleans => OrleansSetup.Configure(orleans, settings, endpoints, context, store));
        builder.Services.AddPinnedGrains(context).AddTraining().AddSingleton<ISiloEnd, LostDevice>();
        builder.Services.AddSingleton<IRunEventStore>(_ => new RedisRunEventStore(store, settings.ClusterId));
        builder.Services.AddSingleton<IBenchmarks, Benchmarks>().AddSingleton<ICardMonitor>(_ => new Nvml());
        builder.Services.AddSingleton<SiloState>().AddSingleton<ReadyFile>();
        builder.Services.AddSingleton<OwnDescription>().AddSingleton<Registration>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<Registration>());
        builder.Services.AddSingleton<Drain>().AddSingleton<IHostLifetime, SignalLifetime>();
        builder.Services.AddHostedService<PeerDownNotification>().AddHostedService<Housekeeping>();
        SiloMetrics.Add(builder.Services);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(endpoints.Http));

        var application = builder.Build();
        stripeLogger.SetResult(application.Services.GetRequiredService<ILogger<StripeChannel>>());
        _ = application.Services.GetRequiredService<SiloInstruments>();
        _ = application.Services.GetRequiredService<CardInstruments>();
        Pages.Map(application, settings);
        ShutdownDeadline.Follow(application.Lifetime, StopBound);
        return application;
    }

    /// <summary>Tensor work saturates the cores; probes and messages must find a thread at once nevertheless.</summary>
    private static void KeepThreadsForMessages()
    {
        var count = Math.Max(32, 4 * Environment.ProcessorCount);
        ThreadPool.SetMinThreads(count, count);
    }

    private static SiloContext ContextOf(
        SiloSettings settings, Endpoints endpoints, string dataFolderId, Task<ILogger> stripeLogger)
    {
        var devices = Devices.Open(settings.Devices);
        var name = SiloName.Parse(settings.Name ?? $"{Environment.MachineName}-{endpoints.Silo}");
        return new SiloContext
        {
            Name = name,
            ClusterId = settings.ClusterId,
            DataFolder = settings.DataFolder,
            DataFolderId = dataFolderId,
            MachineName = Environment.MachineName,
            AdvertisedHost = settings.Advertised.ToString(),
            HttpAddress = PagesAddress(settings, endpoints),
            SiloPort = endpoints.Silo,
            GatewayPort = endpoints.Gateway,
            Replicas = devices.Factory,
            DeviceNotice = devices.Notice,
            UnusedAge = settings.KeepUnusedDays == 0 ? null : TimeSpan.FromDays(settings.KeepUnusedDays),
            Stripes = StripeListener.Open(name, settings, endpoints, stripeLogger),
        };
    }

    /// <summary>Where others find the pages: 0.0.0.0 is where a silo listens, and nowhere to go to.</summary>
    private static string PagesAddress(SiloSettings settings, Endpoints endpoints) =>
        endpoints.Http.Address.Equals(IPAddress.Any) || endpoints.Http.Address.Equals(IPAddress.IPv6Any)
            ? new IPEndPoint(settings.Advertised, endpoints.Http.Port).ToString()
            : endpoints.Http.ToString();

    private static StoreConnection AddStore(IServiceCollection services, SiloSettings settings, Endpoints endpoints)
    {
        var password = StorePassword.Of(settings);
        var host = settings.Store.IsEmbedded ? IPAddress.Loopback.ToString() : settings.Store.Host;
        if (settings.Store.IsEmbedded)
        {
            var listening = Endpoints.ListeningAddress(settings);
            services.AddHostedService(_ =>
                new EmbeddedStore(settings.DataFolder, listening, endpoints.Store, password));
        }

        services.AddSingleton(provider => new StoreConnection(
            host,
            endpoints.Store,
            password,
            TimeProvider.System,
            provider.GetRequiredService<ILogger<StoreConnection>>()));
        services.AddHostedService(provider => provider.GetRequiredService<StoreConnection>());
        return new StoreConnection(
            host, endpoints.Store, password, TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLogger<StoreConnection>.Instance);
    }

    private static void AddLogging(WebApplicationBuilder builder)
    {
        builder.Logging.ClearProviders();
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.ColorBehavior = LoggerColorBehavior.Disabled;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
        });
        builder.Logging.AddFilter("Orleans", LogLevel.Warning);
        builder.Logging.AddFilter("Orleans.Runtime.Silo", LogLevel.Error);
        builder.Logging.AddFilter("Polly", LogLevel.Warning);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);

        // What keeps the silo from starting is said once, in one sentence, by the program itself.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
    }
}

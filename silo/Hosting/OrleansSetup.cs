using Gpt2Cluster.Contracts;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Silo.Lifetime;
using Gpt2Cluster.Silo.Ports;
using Gpt2Cluster.Silo.Settings;
using Gpt2Cluster.Silo.Store;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Configuration;
using Orleans.Runtime.Hosting;
using Orleans.Serialization;
using Orleans.Storage;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>How this silo takes part in the Orleans cluster.</summary>
public static class OrleansSetup
{
    /// <summary>Name of the storage that keeps run records and the cluster's lists.</summary>
    public const string RunStorage = "runs";

    private const string Redis = "redis";

    /// <summary>Configures clustering, storage and membership.</summary>
    public static void Configure(
        ISiloBuilder orleans, SiloSettings settings, Endpoints endpoints, SiloContext context, StoreConnection store)
    {
        ArgumentNullException.ThrowIfNull(orleans);
        ArgumentNullException.ThrowIfNull(settings);
        orleans.Configure<ClusterOptions>(options => options.ClusterId = options.ServiceId = settings.ClusterId);
        orleans.Configure<SiloOptions>(options => options.SiloName = context.Name.ToString());
        orleans.ConfigureEndpoints(
            settings.Advertised, endpoints.Silo, endpoints.Gateway, listenOnAnyHostAddress: settings.IsBeyondLoopback);
        orleans.UseRedisClustering(options => options.ConfigurationOptions = store.Options());
        orleans.AddRedisGrainStorage(Redis, options => options.ConfigurationOptions = store.Options());
        orleans.Services.AddGrainStorage(RunStorage, (services, _) =>
            new TypedGrainStorage(services.GetRequiredKeyedService<IGrainStorage>(Redis)));
        orleans.Configure<OrleansJsonSerializerOptions>(RecordForm.Configure);
        orleans.AddIncomingGrainCallFilter<StoreFaultFilter>().AddOutgoingGrainCallFilter<StoreFaultFilter>();
        orleans.Configure<ClusterMembershipOptions>(ConfigureMembership);
        orleans.Configure<ExceptionSerializationOptions>(TravellingExceptions.Configure);
        UseConsistentDirectory(orleans);
        orleans.Services.Replace(ServiceDescriptor.Singleton<IFatalErrorHandler, FatalErrorHandler>());
    }

    /// <summary>
    /// The directory that knows which silo has which grain. Orleans' default one ends every grain whose entry lay on a
    /// silo that died, so that every other death took a coordinator with it; this one asks the others what they have.
    /// It waits 30 s, by default, before a dead silo's grains may live elsewhere, as that silo may not know yet that it
    /// is dead; the run's record, which only one coordinator can write, needs no such wait.
    /// </summary>
    private static void UseConsistentDirectory(ISiloBuilder orleans)
    {
        orleans.AddDistributedGrainDirectory();
        orleans.Configure<GrainDirectoryOptions>(options => options.RangeLeaseDuration = TimeSpan.Zero);
    }

    /// <summary>
    /// A silo that is killed is declared dead within about 2 s. Probes may take up to 2 s and three must fail, so that
    /// a machine whose cores are saturated by tensor work is not taken for a dead one.
    /// </summary>
    private static void ConfigureMembership(ClusterMembershipOptions options)
    {
        options.ProbeTimeout = TimeSpan.FromSeconds(1);
        options.MinProbeTimeout = TimeSpan.FromSeconds(0.5);
        options.MaxProbeTimeout = TimeSpan.FromSeconds(2);
        options.NumMissedProbesLimit = 3;
        options.TableRefreshTimeout = TimeSpan.FromSeconds(5);

        // The table outlives a cluster that was killed. A silo that joins waits for every silo in it that said within
        // the last 6 s that it is alive: with Orleans' own 90 s, the first start after a kill would hang that long.
        options.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(2);
        options.NumMissedTableIAmAliveLimit = 3;
    }
}

using System.Text.Json.Nodes;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Metrics;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Grains.Runs;
using Gpt2Cluster.Grains.Tests.Workers;
using Gpt2Cluster.Grains.Workers;
using Microsoft.Extensions.DependencyInjection;

namespace Gpt2Cluster.Grains.Tests.Silos;

/// <summary>One silo's data folder and device, and what was asked of them.</summary>
public sealed class TestSilo : ISiloEnd, IDisposable
{
    private readonly List<WorkerId> lost = [];
    private readonly List<FakeReplica> replicas = [];

    private readonly IRunEventStore events;

    public TestSilo(string name, IRunEventStore events)
    {
        this.events = events;
        DataFolder = Directory.CreateTempSubdirectory("silo").FullName;
        Directory.CreateDirectory(File("models"));
        Context = new SiloContext
        {
            Name = name.Silo(),
            ClusterId = "test",
            DataFolder = DataFolder,
            DataFolderId = $"disk of {name}",
            MachineName = "m",
            AdvertisedHost = "127.0.0.1",
            HttpAddress = "127.0.0.1:0",
            SiloPort = 0,
            GatewayPort = 0,
            Replicas = Proxy.Of<IReplicaFactory>((method, arguments) => method.Name switch
            {
                "get_Devices" => (Device[])[new Device(0, DeviceKind.Cpu, "no processor", 1, BFloat16IsFast: false)],
                nameof(IReplicaFactory.Create) => Create((ReplicaOptions)arguments[1]!),
                _ => new ComputeProfile("cpu", "none", Precision.Float32, 1, "2", "f"),
            }),
            Stripes = Proxy.Of<IStripeChannel>((method, _) => method.Name switch
            {
                nameof(IStripeChannel.Open) => new FakeExchange([]),
                "get_Port" => 1,
                _ => null,
            }),
        };
    }

    public SiloName Name => Context.Name;

    public string DataFolder { get; }

    public SiloContext Context { get; }

    /// <summary>The key of its one worker.</summary>
    public WorkerId Worker => new(Name, 0);

    /// <summary>What the making of a replica comes to; null for a replica.</summary>
    public Exception? ReplicaFailure { get; set; }

    /// <summary>What a measurement does.</summary>
    public Func<CancellationToken, JsonObject> Measure { get; set; } = _ => [];

    /// <summary>The replica that was made last.</summary>
    internal FakeReplica Replica => replicas[^1];

    /// <summary>Workers whose devices were lost.</summary>
    public IReadOnlyList<WorkerId> Lost => lost;

    public string File(string relative) => Path.Combine(DataFolder, relative);

    /// <summary>What lies in a folder, hidden files too; empty if there is none.</summary>
    public IEnumerable<string> Entries(string relative) => Directory.Exists(File(relative))
        ? Directory.EnumerateFileSystemEntries(File(relative)).Select(path => Path.GetFileName(path))
        : [];

    /// <summary>Adds the product's services, and what stands for its devices, sockets and store of events.</summary>
    public void AddTo(IServiceCollection services) => services
        .AddSingleton(TimeProvider.System)
        .AddSingleton(new RunOptions())
        .AddPinnedGrains(Context)
        .AddTraining()
        .AddGrainMetrics()
        .AddSingleton(events)
        .AddSingleton<ISiloEnd>(this)
        .AddSingleton(Proxy.Of<ICardMonitor>((_, _) => Array.Empty<CardReading>()))
        .AddSingleton(Proxy.Of<IBenchmarks>((_, arguments) => Measure((CancellationToken)arguments[^1]!)));

    /// <summary>As the silo introduces itself, but without workers that runs could be given.</summary>
    public SiloDescription Describe(SiloAddress address) => new()
    {
        Name = Name,
        StripeHost = "127.0.0.1",
        StripePort = 1,
        HttpAddress = "127.0.0.1:0",
        DataFolderId = Context.DataFolderId,
        FreeDiskBytes = 1L << 40,
        MachineMemoryBytes = 1L << 40,
        MachineCores = 1,
        MachineName = "m",
        Incarnation = address.ToParsableString(),
        Workers = [],
    };

    public void OnDeviceLost(WorkerId worker, Exception exception) => lost.Add(worker);

    public void Dispose() => Directory.Delete(DataFolder, recursive: true);

    private FakeReplica Create(ReplicaOptions options)
    {
        if (ReplicaFailure is { } failure)
            throw failure;
        replicas.Add(new FakeReplica(new ModelParameters(options.Shape, options.Trainable, options.Lora)));
        return Replica;
    }
}

using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Workers;
using Gpt2Cluster.Grains.Metrics;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Grains.Reducers;
using Gpt2Cluster.Grains.Workers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gpt2Cluster.Grains.Tests.Workers;

public sealed class WorkerSessionTests : IDisposable
{
    private static readonly TimeSpan ReportBound = TimeSpan.FromSeconds(30);
    private static readonly ModelShape Shape = new(16, 8, 4, 2, 1);

    private readonly ServiceProvider provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly ComputeThread compute = new("compute a/1", ThreadNiceness.Compute);
    private readonly Channel<object> reports = Channel.CreateUnbounded<object>();
    private readonly RecordedEnd end = new();
    private readonly WorkerSession session;
    private IWorker? source;
    private Exception? failure;
    private Exception? readFailure;

    public WorkerSessionTests() =>
        session = new WorkerSession("a/1".Worker(), Specifications.Small(Shape), Services(), compute,
            NullLogger.Instance);

    public void Dispose()
    {
        session.Dispose();
        compute.Dispose();
        provider.Dispose();
    }

    [Theory]
    [InlineData(true, 77)]
    [InlineData(false, 0)]
    public async Task A_worker_that_keeps_its_replica_takes_over_its_silos_figures(bool reportsExchange, long sentBytes)
    {
        Prepare(Order(ReplicaSource.Initialize), !reportsExchange);
        Assert.IsType<ReplicaReady>(await NextReport());
        Prepare(Order(ReplicaSource.Keep) with { Generation = 2 }, reportsExchange);
        Assert.IsType<ReplicaReady>(await NextReport());
        session.Take(new WorkerOrder(new PlanStep("a/1".Worker(), 2, 1, [], 0.01, [], IsAlone: false)));
        Assert.Equal(sentBytes, Assert.IsType<StepReported>(await NextReport()).SentBytes);
    }

    [Theory]
    [InlineData("CUDA error: an illegal memory access was encountered", true, false)]
    [InlineData("CUDA out of memory. Tried to allocate 1.50 GiB.", false, true)]
    [InlineData("CUDA error: invalid configuration argument", false, false)]
    public async Task Only_a_lost_device_ends_the_silo_and_only_missing_memory_comes_with_advice(
        string message, bool endsSilo, bool hasNoMemory)
    {
        failure = new InvalidOperationException(message);
        Prepare(Order(ReplicaSource.Initialize));
        var trouble = Assert.IsType<WorkerTroubled>(await NextReport());
        Assert.False(trouble.IsFinal);
        Assert.Equal(hasNoMemory, trouble.HasNoMemory);
        Assert.Equal(hasNoMemory, trouble.Reason.Contains("--recompute", StringComparison.Ordinal));
        Assert.Equal(endsSilo ? ["a/1"] : [], end.Lost);
    }

    [Fact]
    public async Task Bad_input_is_every_workers_trouble()
    {
        failure = new UserErrorException("The model gpt2 lacks the tensor wte.weight.");
        Prepare(Order(ReplicaSource.Initialize));
        var trouble = Assert.IsType<WorkerTroubled>(await NextReport());
        Assert.True(trouble.IsFinal);
        Assert.False(trouble.HasNoMemory);
    }

    [Theory]
    [InlineData("CUDA error: an illegal memory access was encountered", true)]
    [InlineData("CUDA out of memory. Tried to allocate 1.50 GiB.", false)]
    public async Task A_source_whose_device_is_lost_while_it_is_copied_ends_its_own_silo(string message, bool endsSilo)
    {
        Prepare(Order(ReplicaSource.Initialize));
        Assert.IsType<ReplicaReady>(await NextReport());
        readFailure = new InvalidOperationException(message);
        await Assert.ThrowsAsync<InvalidOperationException>(() => session.ReadReplica(ReplicaPart.Parameters, 0, 4));
        Assert.Equal(endsSilo ? ["a/1"] : [], end.Lost);
        await Assert.ThrowsAsync<InvalidOperationException>(() => session.HashReplica(ReplicaPart.Parameters, 0, 1));
        Assert.Equal(endsSilo ? ["a/1", "a/1"] : [], end.Lost);
    }

    [Theory]
    [InlineData("CUDA error: an illegal memory access was encountered")]
    [InlineData("CUDA out of memory. Tried to allocate 1.50 GiB.")]
    public async Task A_joiner_is_not_to_blame_for_its_sources_device(string message)
    {
        source = Proxy.Of<IWorker>((_, _) =>
            Task.FromException<ReplicaRange?>(new InvalidOperationException(message)));
        Prepare(Order(ReplicaSource.Copy) with { CopyFrom = ["b/0".Worker()] });
        var trouble = Assert.IsType<WorkerTroubled>(await NextReport());
        Assert.Equal("preparing failed: worker b/0 could not be read", trouble.Reason);
        Assert.False(trouble.HasNoMemory);
        Assert.Empty(end.Lost);
    }

    private async Task<object> NextReport()
    {
        using var deadline = new CancellationTokenSource(ReportBound);
        return await reports.Reader.ReadAsync(deadline.Token);
    }

    private void Prepare(PrepareReplica order, bool reportsExchange = false) =>
        Assert.True(session.Take(new WorkerOrder(order) { ReportsExchange = reportsExchange }));

    private static PrepareReplica Order(ReplicaSource source) => new("a/1".Worker(), 1, source, 0, []);

    private WorkerServices Services()
    {
        var grains = Grains();
        var replicas = Proxy.Of<IReplicaFactory>((method, _) => method.Name == nameof(IReplicaFactory.Create)
            ? failure is null ? Replica() : throw failure
            : new ComputeProfile("cpu", "AVX2", Precision.Float32, 1, "2", ""));
        var silo = new SiloContext
        {
            Name = "a".Silo(),
            DataFolder = "",
            DataFolderId = "disk of a",
            MachineName = "m",
            AdvertisedHost = "127.0.0.1",
            HttpAddress = "127.0.0.1:0",
            SiloPort = 0,
            GatewayPort = 0,
            Replicas = replicas,
            Stripes = Proxy.Of<IStripeChannel>((method, _) =>
                method.Name == nameof(IStripeChannel.Open) ? new FakeExchange([]) : null),
        };
        var metrics = new WorkerMetrics(
            provider.GetRequiredService<IMeterFactory>(), new RunSeries(TimeProvider.System));
        return new WorkerServices(
            grains, null!, replicas, new RunExchanges(grains, silo), null!, null!, null!, silo, metrics, end,
            TimeProvider.System);
    }

    private FakeReplica Replica() => new(Shape)
    {
        OnRead = () =>
        {
            if (readFailure is not null)
                throw readFailure;
        },
    };

    /// <summary>Hears of lost devices and ends nothing.</summary>
    private sealed class RecordedEnd : ISiloEnd
    {
        public List<string> Lost { get; } = [];

        public void OnDeviceLost(WorkerId worker, Exception exception) => Lost.Add(worker.ToString());
    }

    private IGrainFactory Grains()
    {
        var run = Proxy.Of<ITrainingRun>((_, arguments) =>
            reports.Writer.WriteAsync(arguments[0]!).AsTask());
        var description = new DatasetDescription
        {
            Hash = new string('a', 64),
            TokenCount = 1000,
            DocumentCount = 1,
            Provenance = "",
            ShardTokens = 1000,
            Holders = ["a".Silo()],
        };
        var dataset = Proxy.Of<IDataset>((method, _) => method.Name == nameof(IDataset.Describe)
            ? Task.FromResult<DatasetDescription?>(description)
            : Task.FromResult(true));
        return Proxy.Of<IGrainFactory>((method, _) => method.ReturnType == typeof(IDataset) ? dataset
            : method.ReturnType == typeof(IWorker) ? source : run);
    }
}

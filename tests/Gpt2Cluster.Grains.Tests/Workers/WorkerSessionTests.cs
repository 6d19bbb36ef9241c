using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
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
    private readonly WorkerSession session;

    public WorkerSessionTests() =>
        session = new WorkerSession("a/1", Request(ReplicaOrigin.Initialize), Services(), compute, NullLogger.Instance);

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
        session.Prepare(Request(ReplicaOrigin.Initialize) with { ReportsExchange = !reportsExchange });
        Assert.IsType<ReplicaReport>(await NextReport());
        session.Prepare(Request(ReplicaOrigin.Keep) with { Generation = 2, ReportsExchange = reportsExchange });
        Assert.IsType<ReplicaReport>(await NextReport());
        session.Plan(new StepPlan { Run = "run1", Generation = 2, Step = 1, MicroBatches = [], LearningRate = 0.01 });
        Assert.Equal(sentBytes, Assert.IsType<StepReport>(await NextReport()).SentBytes);
    }

    private async Task<object> NextReport()
    {
        using var deadline = new CancellationTokenSource(ReportBound);
        return await reports.Reader.ReadAsync(deadline.Token);
    }

    private static PrepareRequest Request(ReplicaOrigin origin) => new()
    {
        Run = "run1",
        Generation = 1,
        SpecificationJson = SpecificationJson.Write(Specifications.Small(Shape)),
        Origin = origin,
    };

    private WorkerServices Services()
    {
        var grains = Grains();
        var replicas = Proxy.Of<IReplicaFactory>((method, _) => method.Name == nameof(IReplicaFactory.Create)
            ? new FakeReplica(Shape)
            : new ComputeProfile("cpu", "AVX2", Precision.Float32, 1, "2", ""));
        var silo = new SiloContext
        {
            Name = "a",
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
            grains, replicas, new RunExchanges(grains, silo), null!, null!, null!, silo, metrics, TimeProvider.System);
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
            Holders = ["a"],
        };
        var dataset = Proxy.Of<IDataset>((method, _) => method.Name == nameof(IDataset.Describe)
            ? Task.FromResult<DatasetDescription?>(description)
            : Task.FromResult(true));
        return Proxy.Of<IGrainFactory>((method, _) => method.ReturnType == typeof(IDataset) ? dataset : run);
    }
}

using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Grains.Datasets;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Grains.Workers;

namespace Gpt2Cluster.Grains.Tests.Workers;

public sealed class RunWindowsTests : IDisposable
{
    private const int ShardTokens = 70;
    private const int TokenCount = 1000;
    private const int StepCount = 20;

    private static readonly ushort[] Tokens = [.. Enumerable.Range(0, TokenCount).Select(index => (ushort)(index * 7))];

    private readonly string folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
    private readonly DatasetDirectory directory;
    private readonly StoredDatasets datasets;
    private readonly List<string> called = [];

    public RunWindowsTests()
    {
        directory = new DatasetDirectory(folder);
        datasets = new StoredDatasets(directory);
    }

    public void Dispose()
    {
        datasets.Dispose();
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Windows_of_a_dataset_on_the_own_disk_call_no_grain()
    {
        var hash = Store();
        var windows = RunWindows.Open(Services("a", hash, "b", "a"), Specification(hash), CancellationToken.None);
        Assert.Equal(["BringTo", "Describe"], called);
        called.Clear();
        CheckSteps(windows, hash);
        Assert.Empty(called);
    }

    [Fact]
    public void A_dataset_that_is_not_here_is_read_from_its_holder()
    {
        var hash = Store();
        var windows = RunWindows.Open(Services("c", hash, "b"), Specification(hash), CancellationToken.None);
        called.Clear();
        CheckSteps(windows, hash);
        Assert.Equal(["IDataShard of b"], called.Distinct());
    }

    /// <summary>The windows of some steps, which cross shards, are those of the run's order.</summary>
    private static void CheckSteps(RunWindows windows, string hash)
    {
        var specification = Specification(hash);
        var (layout, order) = (specification.TrainingWindows().Single(), specification.WindowOrder());
        for (var step = 1; step <= StepCount; step++)
        {
            windows.Training.Begin(Plan(step, specification.MicroBatchCount));
            for (var index = 0; index < specification.MicroBatchCount; index++)
            {
                var batch = windows.Training.Take(step, index, CancellationToken.None);
                var expected = order.MicroBatch(step, index).Select(slot => layout.Start(slot.Window))
                    .SelectMany(start => Tokens[(int)start..(int)(start + layout.SequenceLength + 1)]);
                Assert.Equal(expected, batch.Tokens.ToArray());
            }
        }
    }

    private static RunSpecification Specification(string hash) =>
        Specifications.Small(new ModelShape(50257, 8, 4, 2, 1)) with
        {
            Dataset = new DatasetReference(hash, TokenCount),
        };

    private static StepPlan Plan(long step, int microBatchCount) => new()
    {
        Run = "run1",
        Generation = 1,
        Step = step,
        MicroBatches = [new MicroBatchRange(0, microBatchCount)],
        LearningRate = 0.1,
    };

    private string Store()
    {
        using var staging = directory.Begin(ShardTokens);
        using var tokenizer = new DatasetTokenizer(staging.Output);
        tokenizer.BeginDocument("numbers");
        tokenizer.Tokens(Tokens);
        tokenizer.EndArray();
        tokenizer.EndDocument();
        return staging.Publish(tokenizer.Complete(), "a test").Sha256;
    }

    private WorkerServices Services(string ownSilo, string hash, params string[] holders)
    {
        var description = StoredDatasets.Describe(directory.Describe(hash), holders);
        var dataset = Proxy.Of<IDataset>((method, _) =>
        {
            called.Add(method.Name);
            return method.Name == nameof(IDataset.BringTo)
                ? Task.FromResult(true)
                : Task.FromResult<Contracts.Datasets.DatasetDescription?>(description);
        });
        var grains = Proxy.Of<IGrainFactory>((method, arguments) =>
        {
            if (method.ReturnType == typeof(IDataset))
                return dataset;
            var key = (string)arguments[0]!;
            lock (called)
                called.Add($"{method.ReturnType.Name} of {key.Split('/')[0]}");
            return Proxy.Of<IDataShard>((_, range) =>
                Shard(int.Parse(key.Split('/')[2]), (int)range[0]!, (int)range[1]!));
        });
        var silo = new SiloContext
        {
            Name = ownSilo,
            DataFolder = folder,
            DataFolderId = "a",
            MachineName = "m",
            AdvertisedHost = "127.0.0.1",
            HttpAddress = "127.0.0.1:0",
            SiloPort = 0,
            GatewayPort = 0,
            Replicas = null!,
            Stripes = null!,
        };
        return new WorkerServices(
            grains, datasets, null!, null!, null!, null!, null!, silo, null!, null!, TimeProvider.System);
    }

    private static Task<byte[]?> Shard(int index, int start, int count) => Task.FromResult<byte[]?>(
        [.. Tokens.Skip(index * ShardTokens + start).Take(count).SelectMany(BitConverter.GetBytes)]);
}

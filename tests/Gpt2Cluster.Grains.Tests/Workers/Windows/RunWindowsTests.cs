using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Grains.Datasets;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Grains.Workers;
using Gpt2Cluster.Grains.Workers.Windows;

namespace Gpt2Cluster.Grains.Tests.Workers.Windows;

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
    private readonly Dictionary<string, ushort[]> stored = [];

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
        var windows = RunWindows.Open(Services("a", "b", "a"), Specification(hash), CancellationToken.None);
        Assert.Equal(["BringTo", "Describe"], called);
        called.Clear();
        CheckSteps(windows, hash);
        Assert.Empty(called);
    }

    [Fact]
    public void A_dataset_that_is_not_here_is_read_from_its_holder()
    {
        var hash = Store();
        var windows = RunWindows.Open(Services("c", "b"), Specification(hash), CancellationToken.None);
        called.Clear();
        CheckSteps(windows, hash);
        Assert.Equal(["IDataShard of b"], called.Distinct());
    }

    [Theory]
    [InlineData("a")]
    [InlineData("c")]
    public void A_mixture_reads_each_of_its_datasets(string ownSilo)
    {
        ushort[][] texts = [Tokens, [.. Enumerable.Range(0, 200).Select(index => (ushort)(50_000 - index))]];
        var run = Mixture([.. texts.Select(Store)], validation: null);
        var windows = RunWindows.Open(Services(ownSilo, "b", "a"), run, CancellationToken.None);
        Assert.Equal(["BringTo", "Describe", "BringTo", "Describe"], called.Where(call => !call.Contains(' ')));
        var (layouts, order) = (run.TrainingWindows(), run.WindowOrder());
        for (var step = 1; step <= StepCount; step++)
        {
            windows.Training.Begin(Plan(step, run.MicroBatchCount));
            for (var index = 0; index < run.MicroBatchCount; index++)
            {
                var expected = order.MicroBatch(step, index).SelectMany(slot => texts[slot.Source]
                    .Skip((int)layouts[slot.Source].Start(slot.Window)).Take(run.SequenceLength + 1));
                var batch = windows.Training.Take(step, index, CancellationToken.None);
                Assert.Equal(expected, batch.Tokens.ToArray());
            }
        }
    }

    [Fact]
    public void A_mixture_validates_on_the_part_of_each_dataset()
    {
        ushort[][] texts = [Tokens, [.. Enumerable.Range(0, 200).Select(index => (ushort)(50_000 - index))]];
        var run = Mixture([.. texts.Select(Store)], validation: null);

        // 19 targets of the first dataset in windows of 8, in micro-batches of 2 windows; 5 of the second.
        Assert.Equal(
            [
                Words(texts[0][980..989], 0), Words(texts[0][988..997], 0), Words(texts[0][991..1000], 5),
                Words(texts[1][194..200], 0),
            ],
            Validated(run));
    }

    [Fact]
    public void A_validation_dataset_of_its_own_is_read_from_its_beginning()
    {
        ushort[][] texts = [Tokens, [.. Enumerable.Range(0, 200).Select(index => (ushort)(50_000 - index))]];
        ushort[] other = [.. Enumerable.Range(0, 12).Select(index => (ushort)(20_000 + index))];
        var run = Mixture([.. texts.Select(Store)], Store(other));
        Assert.Equal([Words(other[..9], 0), Words(other[3..], 5)], Validated(run));
    }

    /// <summary>The windows that validate and their first targets, computed by two workers.</summary>
    private List<string> Validated(RunSpecification run)
    {
        var windows = RunWindows.Open(Services("a", "a"), run, CancellationToken.None);
        var count = run.ValidationBatches()!.Count;
        using var replica = new FakeReplica(run.Model.Shape);
        foreach (var (first, end) in new[] { (0, 1), (1, count) })
        {
            var range = new LeafRange(first, end);
            var order = new Validate("a/0".Worker(), 1, 1, range);
            Assert.Equal(
                run.ValidationBatches()!.WindowCount(range),
                windows.Validate(replica, order, CancellationToken.None).Length);
        }

        return
        [
            .. from validated in replica.Validated
               from window in Enumerable.Range(0, validated.Batch.BatchSize)
               let length = validated.Batch.SequenceLength + 1
               select Words(
                   validated.Batch.Tokens.Slice(window * length, length).ToArray(), validated.FirstTargets[window]),
        ];
    }

    private static string Words(ushort[] tokens, int firstTarget) =>
        $"{string.Join(' ', tokens)} from target {firstTarget} on";

    /// <summary>Two datasets, drawn three to two, of which the ends validate if no other does.</summary>
    private static RunSpecification Mixture(string[] hashes, string? validation)
    {
        var isOwn = validation is null;
        return Specifications.Small(new ModelShape(50257, 8, 4, 2, 1)) with
        {
            BatchSize = 2,
            Dataset = DatasetReference.OfMix(
                [
                    new MixedDataset(hashes[0], 3, isOwn ? 980 : 1000, isOwn ? 20 : 0),
                    new MixedDataset(hashes[1], 2, isOwn ? 194 : 200, isOwn ? 6 : 0),
                ],
                isOwn ? null : (validation!, 12)),
        };
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

    private static PlanStep Plan(long step, int microBatchCount) =>
        new("a/0".Worker(), 1, step, [new LeafRange(0, microBatchCount)], 0.1, [], IsAlone: false);

    private string Store() => Store(Tokens);

    private string Store(ushort[] tokens)
    {
        using var staging = directory.Begin(ShardTokens);
        using var tokenizer = new DatasetTokenizer(staging.Output);
        tokenizer.BeginDocument("numbers");
        tokenizer.Tokens(tokens);
        tokenizer.EndArray();
        tokenizer.EndDocument();
        var hash = staging.Publish(tokenizer.Complete(), "a test").Sha256;
        stored[hash] = tokens;
        return hash;
    }

    private WorkerServices Services(string ownSilo, params string[] holders)
    {
        var grains = Proxy.Of<IGrainFactory>((method, arguments) =>
        {
            var key = $"{arguments[0]}";
            if (method.ReturnType == typeof(IDataset))
                return Dataset(key, [.. holders.Select(SiloName.Parse)]);
            lock (called)
                called.Add($"{method.ReturnType.Name} of {key.Split('/')[0]}");
            return Proxy.Of<IDataShard>((_, range) =>
                Shard(stored[key.Split('/')[1]], int.Parse(key.Split('/')[2]), (int)range[0]!, (int)range[1]!));
        });
        var silo = new SiloContext
        {
            Name = ownSilo.Silo(),
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

    private IDataset Dataset(string hash, SiloName[] holders)
    {
        var description = StoredDatasets.Describe(directory.Describe(hash), holders);
        return Proxy.Of<IDataset>((method, _) =>
        {
            called.Add(method.Name);
            return method.Name == nameof(IDataset.BringTo)
                ? Task.FromResult(true)
                : Task.FromResult<Contracts.Datasets.DatasetDescription?>(description);
        });
    }

    private static Task<byte[]?> Shard(ushort[] tokens, int index, int start, int count) => Task.FromResult<byte[]?>(
        [.. tokens.Skip(index * ShardTokens + start).Take(count).SelectMany(BitConverter.GetBytes)]);
}

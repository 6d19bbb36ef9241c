using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Compute.Torch;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;
using TorchSharp;

namespace Gpt2Cluster.Compute.Tests.Torch;

/// <summary>Copies beside the arithmetic, on a driver that makes them as late as may be.</summary>
public sealed class StreamCopiesTests
{
    private const int LeafCount = 4;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    public static TheoryData<Precision, int> Steps => new()
    {
        { Precision.Float32, 1 },
        { Precision.Float32, LeafCount },
        { Precision.BFloat16, 1 },
        { Precision.BFloat16, LeafCount },
    };

    [Theory]
    [MemberData(nameof(Steps))]
    public void What_arrives_is_what_a_blocking_copy_brings(Precision precision, int leafCount)
    {
        using var blocking = New(precision, memory => new BlockingCopies(memory.Operators));
        using var streaming = New(precision, Streaming(new RecordingCopyDriver()));
        // The buffers of the first step are used again by the second.
        Compute(streaming, 1, leafCount, new CollectingSink(blocking.Layout.Length));
        var expected = new CollectingSink(blocking.Layout.Length);
        var found = new CollectingSink(blocking.Layout.Length);
        Compute(blocking, 2, leafCount, expected);
        Compute(streaming, 2, leafCount, found);

        var tree = new ReductionTree(leafCount);
        Assert.Equal(expected.Average(tree), found.Average(tree));
        Assert.Equal(expected.Ranges, found.Ranges);
        found.AssertUnchanged();
    }

    [Fact]
    public void Nothing_is_copied_before_a_sum_is_complete_and_then_once_each_behind_its_arithmetic()
    {
        var driver = new RecordingCopyDriver();
        using var replica = New(Precision.BFloat16, Streaming(driver));
        var sink = new NotingSink(driver);
        replica.BeginStep(1, [new LeafRange(0, LeafCount)], LeafCount);
        for (var leaf = 0; leaf < LeafCount - 1; leaf++)
            replica.ComputeMicroBatch(Batch(1, leaf), sink);
        Assert.Empty(driver.Log);
        replica.ComputeMicroBatch(Batch(1, LeafCount - 1), sink);

        string[] asked = ["computed", "stream waits", "copy", "record"];
        var order = driver.Log.Select(entry => entry.StartsWith("copy", StringComparison.Ordinal) ? "copy" : entry);
        var copies = order.Where(asked.Contains).Chunk(asked.Length).ToList();
        Assert.True(copies.Count > replica.Layout.Shape.LayerCount, "range by range, at least one a block");
        Assert.All(copies, each => Assert.Equal(asked, each));
        var arrivals = order.Except(asked).Any() ? order.Where(entry => !asked.Contains(entry)).Chunk(2).ToList() : [];
        Assert.All(arrivals, each => Assert.Equal(["host waits", "contributed"], each));
        Assert.Equal(copies.Count, arrivals.Count);
        var bytes = driver.Log.Where(entry => entry.StartsWith("copy", StringComparison.Ordinal))
            .Sum(entry => long.Parse(entry.Split(' ')[1]));
        Assert.Equal(replica.Layout.Length * sizeof(float), bytes);
    }

    [Fact]
    public void The_backward_pass_of_lower_layers_waits_for_no_copy()
    {
        var (driver, rangeCount) = (new RecordingCopyDriver(), RangeCount());
        using var replica = New(Precision.BFloat16, Streaming(driver));
        using var unasked = new CountdownEvent(rangeCount);
        driver.OnRecord = () => unasked.Signal();
        // No copy is there before the last was asked for: whoever waited for one would wait for ever.
        driver.OnWait = () =>
        {
            if (!unasked.Wait(Deadline))
                throw new InvalidOperationException("A copy was waited for while others had not been asked for.");
        };
        Compute(replica, 1, LeafCount, new CollectingSink(replica.Layout.Length));
        Assert.Equal(rangeCount, driver.Log.Count(entry => entry == "record"));
    }

    [Fact]
    public void Averages_go_up_as_they_land_and_the_host_waits_for_none()
    {
        var driver = new RecordingCopyDriver();
        using var blocking = New(Precision.Float32, memory => new BlockingCopies(memory.Operators));
        using var streaming = New(Precision.Float32, Streaming(driver));
        foreach (var replica in new[] { blocking, streaming })
            Compute(replica, 1, 1, new CollectingSink(replica.Layout.Length));
        var before = driver.Log.Length;
        var random = new Random(3);
        using var averages = Replicas.ToBuffer(
            [.. Enumerable.Range(0, (int)blocking.Layout.Length).Select(_ => random.NextSingle() - 0.5f)]);

        var sink = streaming.TakeAverages()!;
        var half = averages.Length / 2;
        sink.Landed(averages, half, averages.Length);
        sink.Landed(averages, 0, half);
        string[] asked =
        [
            "computed", "stream waits", $"bring {(averages.Length - half) * sizeof(float)}", "record",
            $"bring {half * sizeof(float)}", "record",
        ];
        Assert.Equal(asked, driver.Log[before..]);
        // Nothing of it is on the device before the arithmetic that needs it waits.
        Assert.Equal(blocking.GradientNorm(averages), streaming.GradientNorm(averages));
        Assert.Equal(["record", "arithmetic waits"], driver.Log[(before + asked.Length)..]);
        foreach (var replica in new[] { blocking, streaming })
            replica.Apply(averages, 1, 1e-3, 1);
        Assert.Equal(Replicas.Parameters(blocking), Replicas.Parameters(streaming));
        Assert.Equal(before + asked.Length + 2, driver.Log.Length);
    }

    [Fact]
    public void Of_averages_that_landed_in_part_an_update_takes_all()
    {
        using var whole = New(Precision.Float32, memory => new BlockingCopies(memory.Operators));
        using var part = New(Precision.Float32, Streaming(new RecordingCopyDriver()));
        using var averages = Replicas.ToBuffer(
            [.. Enumerable.Range(0, (int)whole.Layout.Length).Select(element => (element % 7) - 3f)]);
        part.TakeAverages()!.Landed(averages, 0, averages.Length / 2);
        foreach (var replica in new[] { whole, part })
            replica.Apply(averages, 1, 1e-3, 1);
        Assert.Equal(Replicas.Parameters(whole), Replicas.Parameters(part));
    }

    [Fact]
    public void Averages_that_nobody_takes_do_not_reach_into_memory_that_is_given_back()
    {
        var driver = new RecordingCopyDriver();
        using var replica = New(Precision.Float32, Streaming(driver));
        using var averages = FlatBuffer.Allocate(replica.Layout.Length);
        replica.TakeAverages()!.Landed(averages, 0, averages.Length);
        // A step that is planned again begins anew.
        Compute(replica, 1, 1, new CollectingSink(replica.Layout.Length));
        var bring = $"bring {averages.Length * sizeof(float)}";
        Assert.Equal(
            ["computed", "stream waits", bring, "record", "record", "arithmetic waits"], driver.Log[..6]);
    }

    [Fact]
    public void Tokens_go_up_in_the_stream_that_computes_and_a_slot_waits_for_its_own_copy_alone()
    {
        var driver = new RecordingCopyDriver();
        var operators = new TorchOperators();
        using (var copies = new StreamCopies(driver, operators.Counts))
        {
            using var device = torch.empty(3, torch.ScalarType.Int64);
            for (var pass = 0; pass < 4; pass++)
            {
                copies.Put([pass, 50_256, 7], device);
                Assert.Equal([pass, 50_256, 7], device.data<long>().ToArray());
            }

            Assert.Equal(
                [
                    "put 24", "mark 1",
                    "put 24", "mark 2",
                    "host waits for 1", "put 24", "mark 1",
                    "host waits for 2", "put 24", "mark 2",
                ],
                driver.TokenLog);
            Assert.Empty(driver.Log);
            Assert.Equal((4, 0), (operators.Counts.Operators, operators.Counts.HostWaits));
        }

        // Pinned memory goes when nothing reads it any more.
        Assert.Equal(["host waits for 1", "host waits for 2"], driver.TokenLog[^2..]);
    }

    [Fact]
    public void A_larger_batch_gets_a_larger_slot_and_a_smaller_one_keeps_it()
    {
        var driver = new RecordingCopyDriver();
        using (var copies = new StreamCopies(driver, new OperatorCounts()))
        {
            var made = driver.PinnedCount;
            foreach (var (length, slots) in new[] { (2, 1), (2, 2), (5, 2), (1, 2), (5, 2) })
            {
                var tokens = Enumerable.Range(10, length).ToArray();
                using var device = torch.empty(length, torch.ScalarType.Int64);
                copies.Put(tokens, device);
                Assert.Equal(tokens.Select(token => (long)token), device.data<long>().ToArray());
                Assert.Equal(made + slots, driver.PinnedCount);
            }
        }

        Assert.Equal(0, driver.PinnedCount);
    }

    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.BFloat16)]
    public void Of_a_micro_batch_only_its_losses_are_waited_for(Precision precision)
    {
        var driver = new RecordingCopyDriver();
        var backend = new TorchBackend(precision, new TensorMemory(torch.CPU), 1, Streaming(driver));
        using var replica = new Replica(Replicas.Tiny with { Precision = precision }, backend);
        replica.Initialize(5);
        replica.BeginStep(1, [new LeafRange(0, LeafCount)], LeafCount);
        var sink = new CollectingSink(replica.Layout.Length);
        for (var leaf = 0; leaf < LeafCount; leaf++)
        {
            backend.Operators.Counts.Reset();
            replica.ComputeMicroBatch(Batch(1, leaf), sink);
            Assert.Equal(1, backend.Operators.Counts.HostWaits);
        }

        // Inputs and targets of two windows of 24, once each.
        Assert.Equal(
            Enumerable.Repeat($"put {2 * 2 * 24 * sizeof(long)}", LeafCount),
            driver.TokenLog.Where(entry => entry.StartsWith("put", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_driver_that_has_too_little_pinned_memory_is_given_back(int pinned)
    {
        var driver = new RecordingCopyDriver { MostPinned = pinned - 1 };
        Assert.Throws<InsufficientMemoryException>(() => new TorchBackend(
            Precision.Float32, new TensorMemory(torch.CPU), 1, Streaming(driver)));
        Assert.Equal(["disposed"], driver.Log);
        Assert.Equal(0, driver.PinnedCount);
    }

    [Fact]
    public void Of_a_device_that_is_lost_everything_is_given_back()
    {
        var driver = new RecordingCopyDriver();
        using var device = torch.zeros(8);
        using var tokens = torch.empty(3, torch.ScalarType.Int64);
        var copies = new StreamCopies(driver, new OperatorCounts());
        var sums = copies.Allocate(8, ElementType.Float32);
        var kept = copies.Keep([device]);
        for (var slot = 0; slot < 2; slot++)
        {
            copies.Bring(sums, device, 0, sums.Length);
            copies.Put([1, 2, 3], tokens);
        }

        driver.IsLost = true;
        copies.Dispose();
        sums.Dispose();
        Assert.DoesNotContain("disposed", driver.Log);
        kept.Dispose();
        Assert.Equal("disposed", driver.Log[^1]);
        Assert.Equal((0, 0), (driver.PinnedCount, driver.AllocatedCount));
    }

    [Fact]
    public void A_replica_on_a_device_that_is_lost_gives_everything_back()
    {
        var driver = new RecordingCopyDriver();
        var replica = New(Precision.BFloat16, Streaming(driver));
        Compute(replica, 1, LeafCount, new CollectingSink(replica.Layout.Length));
        using var averages = FlatBuffer.Allocate(replica.Layout.Length);
        // It is lost while averages are on their way up.
        replica.TakeAverages()!.Landed(averages, 0, averages.Length / 2);
        driver.IsLost = true;
        replica.Dispose();
        Assert.Equal("disposed", driver.Log[^1]);
        Assert.Equal(0, driver.PinnedCount);
    }

    [Fact]
    public void A_copy_that_fails_fails_the_micro_batch()
    {
        var driver = new RecordingCopyDriver { OnWait = () => throw new InvalidOperationException("the card is gone") };
        using var replica = New(Precision.Float32, Streaming(driver));
        var problem = Assert.Throws<InvalidOperationException>(
            () => Compute(replica, 1, 1, new CollectingSink(replica.Layout.Length)));
        Assert.Equal("the card is gone", problem.Message);
    }

    [Fact]
    public void A_step_that_begins_anew_does_not_hear_of_a_copy_that_failed_before()
    {
        var driver = new RecordingCopyDriver();
        var operators = new TorchOperators();
        using var copies = new StreamCopies(driver, operators.Counts);
        using var from = torch.zeros(4);
        using var into = copies.Allocate(4, ElementType.Float32);
        copies.Send(from, into, 0, 4, () => throw new InvalidOperationException("of a step that is given up"));
        copies.Abandon();
        copies.Send(from, into, 0, 4, () => { });
        copies.WaitForCopies();
    }

    [Theory]
    [InlineData(torch.ScalarType.Float32)]
    [InlineData(torch.ScalarType.BFloat16)]
    public void The_address_of_a_tensor_is_that_of_its_elements(torch.ScalarType type)
    {
        using var tensor = torch.zeros(10, type);
        Assert.Equal(HostMemory.PointerTo(tensor), TensorAddress.Of(tensor));
    }

    private static int RangeCount()
    {
        using var replica = New(Precision.BFloat16, memory => new BlockingCopies(memory.Operators));
        var sink = new CollectingSink(replica.Layout.Length);
        Compute(replica, 1, LeafCount, sink);
        return sink.Ranges.Count;
    }

    private static void Compute(Replica replica, long step, int leafCount, IContributionSink sink)
    {
        replica.BeginStep(step, [new LeafRange(0, leafCount)], leafCount);
        for (var leaf = 0; leaf < leafCount; leaf++)
            replica.ComputeMicroBatch(Batch(step, leaf), sink);
    }

    private static MicroBatch Batch(long step, int leaf) => Replicas.RandomBatch(Replicas.TinyShape, step, leaf);

    private static Func<TensorMemory, IHostCopies> Streaming(ICopyDriver driver) =>
        memory => new StreamCopies(driver, memory.Operators.Counts);

    private static Replica New(Precision precision, Func<TensorMemory, IHostCopies> copiesOf)
    {
        var backend = new TorchBackend(precision, new TensorMemory(torch.CPU), 1, copiesOf);
        var replica = new Replica(Replicas.Tiny with { Precision = precision }, backend);
        replica.Initialize(5);
        return replica;
    }

    private sealed class NotingSink(RecordingCopyDriver driver) : IContributionSink
    {
        public void Contribute(Subtree subtree, FlatBuffer sums, long start, long end) => driver.Note("contributed");
    }
}

using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Compute.Torch;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using TorchSharp;

namespace Gpt2Cluster.Compute.Tests;

/// <summary>
/// A snapshot is what the replica was between two steps: in the host's memory on a processor, on the device elsewhere.
/// </summary>
public sealed class SnapshotTests
{
    private const int LeafCount = 2;
    private const int RangeElements = 10_000;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(Precision.Float32, Route.Cpu)]
    [InlineData(Precision.BFloat16, Route.CpuFused)]
    [InlineData(Precision.Float32, Route.Tensors)]
    [InlineData(Precision.BFloat16, Route.Tensors)]
    public void Steps_that_are_computed_later_change_nothing_of_it(Precision precision, Route route)
    {
        using var replica = Replicas.Create(Replicas.For(route) with { Precision = precision }, route);
        AssertStays(replica);
    }

    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.BFloat16)]
    public void The_same_through_a_driver_that_copies_as_late_as_may_be(Precision precision)
    {
        using var replica = New(new RecordingCopyDriver(), Replicas.Tiny with { Precision = precision });
        AssertStays(replica);
    }

    [Theory]
    [InlineData(Route.Cpu)]
    [InlineData(Route.Tensors)]
    public void It_has_the_parts_that_the_optimizer_has(Route route)
    {
        var options = Replicas.Tiny with { Optimizer = new OptimizerOptions(OptimizerKind.Sgd) };
        using var replica = Replicas.Create(options, route);
        replica.Initialize(5);
        using var snapshot = replica.Snapshot();
        Assert.True(snapshot.Has(ReplicaPart.Parameters));
        Assert.False(snapshot.Has(ReplicaPart.FirstMoments));
        Assert.False(snapshot.Has(ReplicaPart.SecondMoments));
        Assert.Equal(Replicas.Parameters(replica), Values(snapshot, ReplicaPart.Parameters));
    }

    [Theory]
    [InlineData(Route.Cpu)]
    [InlineData(Route.Tensors)]
    public void Of_adapters_it_is_the_trained_part_and_the_hash_of_the_rest(Route route)
    {
        var options = Replicas.Tiny with
        {
            Trainable = TrainableParameters.Lora,
            Lora = new LoraOptions { Rank = 4, Alpha = 8 },
        };
        using var replica = Replicas.Create(options, route);
        replica.Initialize(5);
        using var snapshot = replica.Snapshot();
        Assert.Equal(replica.Layout.Length, snapshot.Length);
        Assert.NotNull(snapshot.FrozenHash);
        Assert.Equal(replica.FrozenHash, snapshot.FrozenHash);
        Assert.Equal(Replicas.Parameters(replica), Values(snapshot, ReplicaPart.Parameters));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void On_a_device_nothing_goes_to_the_host_before_it_is_read(bool streams)
    {
        var backend = new TorchBackend(Precision.Float32, new TensorMemory(torch.CPU), 1, memory => streams
            ? new StreamCopies(new RecordingCopyDriver(), memory.Operators.Counts)
            : new BlockingCopies(memory.Operators));
        using var replica = new Replica(Replicas.Tiny, backend);
        replica.Initialize(5);
        var counts = backend.Operators.Counts;
        counts.Reset();
        using var snapshot = replica.Snapshot();
        Assert.Equal((3, 0), (counts.Operators, counts.HostWaits));
        Assert.Equal(0, counts.BytesToHost(HostRead.State));
        Values(snapshot, ReplicaPart.FirstMoments);
        Assert.Equal(snapshot.Length * sizeof(float), counts.BytesToHost(HostRead.State));
        Assert.Equal(streams ? 0 : (snapshot.Length + RangeElements - 1) / RangeElements, counts.HostWaits);
    }

    [Fact]
    public void A_reader_waits_for_what_was_asked_before_the_snapshot_and_for_its_own_copies()
    {
        var driver = new RecordingCopyDriver();
        using var replica = New(driver);
        using var snapshot = replica.Snapshot();
        var part = snapshot.Length * sizeof(float);
        string[] taken = [$"keep {part}", $"keep {part}", $"keep {part}", "computed", "stream waits"];
        Assert.Equal(taken, driver.Log);
        snapshot.Read(ReplicaPart.SecondMoments, 5, 11);
        snapshot.Read(ReplicaPart.Parameters, snapshot.Length - 1, 1);
        Assert.Equal(
            ["copy 44", "record", "host waits", "copy 4", "record", "host waits"], driver.Log[taken.Length..]);
    }

    [Fact]
    public void The_replica_computes_while_a_reader_waits_for_its_copy()
    {
        var driver = new RecordingCopyDriver();
        using var replica = New(driver);
        var expected = Replicas.Parameters(replica);
        using var snapshot = replica.Snapshot();
        using var isReading = new ManualResetEventSlim();
        using var hasComputed = new ManualResetEventSlim();
        float[]? found = null;
        var reader = new Thread(() => found = Values(snapshot, ReplicaPart.Parameters));
        driver.OnWait = () =>
        {
            if (Thread.CurrentThread != reader)
                return;
            isReading.Set();
            hasComputed.Wait(Deadline);
        };
        reader.Start();
        Assert.True(isReading.Wait(Deadline), "The reader did not come to wait for its copy.");
        Train(replica, 1);
        Assert.NotEqual(expected, Replicas.Parameters(replica));
        Assert.Null(found);
        hasComputed.Set();
        Assert.True(reader.Join(Deadline), "The reader did not end.");
        Assert.Equal(expected, found);
    }

    [Fact]
    public void It_outlives_replica_and_backend_and_then_the_driver_is_closed()
    {
        var driver = new RecordingCopyDriver();
        var replica = New(driver);
        Train(replica, 1);
        var expected = Replicas.Parameters(replica);
        using (replica.Snapshot())
        {
            var second = replica.Snapshot();
            replica.Dispose();
            Assert.Equal(expected, Values(second, ReplicaPart.Parameters));
            second.Dispose();
            second.Dispose();
            Assert.DoesNotContain("disposed", driver.Log);
        }

        Assert.Equal("disposed", driver.Log[^1]);
        Assert.Equal((0, 0), (driver.PinnedCount, driver.AllocatedCount));
    }

    [Fact]
    public void The_next_one_uses_the_stream_and_pinned_memory_of_one_that_was_returned()
    {
        var driver = new RecordingCopyDriver();
        using var replica = New(driver);
        replica.Snapshot().Dispose();
        var pinned = driver.PinnedCount;
        var handles = driver.HandleCount;
        replica.Snapshot().Dispose();
        Assert.Equal((pinned, handles), (driver.PinnedCount, driver.HandleCount));
        Assert.Equal(0, driver.AllocatedCount);
    }

    /// <summary>What does not fit beside the replica goes to the host's memory, as a processor's does.</summary>
    [Theory]
    [InlineData(0, int.MaxValue)]
    [InlineData(2, int.MaxValue)]
    [InlineData(int.MaxValue, 0)]
    public void Where_memory_runs_out_what_was_taken_is_given_back_and_the_host_holds_it(int allocated, int pinned)
    {
        var driver = new RecordingCopyDriver();
        using var replica = New(driver);
        driver.MostAllocated = allocated;
        driver.MostPinned = Math.Min(pinned, driver.PinnedCount + (pinned > 0 ? 1 : 0));
        using (var snapshot = replica.Snapshot())
        {
            Assert.IsType<HostSnapshot>(snapshot);
            Assert.Equal(0, driver.AllocatedCount);
            Assert.Equal(Replicas.Parameters(replica), Values(snapshot, ReplicaPart.Parameters));
        }

        (driver.MostAllocated, driver.MostPinned) = (int.MaxValue, int.MaxValue);
        using var next = replica.Snapshot();
        Assert.IsType<DeviceSnapshot>(next);
        Assert.Equal(Replicas.Parameters(replica), Values(next, ReplicaPart.Parameters));
    }

    [Fact]
    public void What_else_goes_wrong_is_no_reason_to_try_the_host()
    {
        var driver = new RecordingCopyDriver();
        using var replica = New(driver);
        driver.OnAllocate = () => throw new InvalidOperationException("CUDA error: unspecified launch failure");
        Assert.Throws<InvalidOperationException>(replica.Snapshot);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_range_that_is_none_is_refused(bool streams)
    {
        using var replica = streams
            ? New(new RecordingCopyDriver())
            : Replicas.Create(Replicas.Tiny, Route.Tensors);
        using var snapshot = replica.Snapshot();
        foreach (var start in new[] { -1, snapshot.Length })
        {
            Assert.Throws<ArgumentOutOfRangeException>(
                () => { snapshot.Read(ReplicaPart.Parameters, start, 1); });
        }
    }

    private static void AssertStays(Replica replica)
    {
        replica.Initialize(5);
        Train(replica, 1);
        using var expected = HostSnapshot.Take(replica, Enum.GetValues<ReplicaPart>());
        using var snapshot = replica.Snapshot();
        Assert.Equal(expected.Length, snapshot.Length);
        Train(replica, 2);
        Train(replica, 3);
        foreach (var part in Enum.GetValues<ReplicaPart>())
        {
            float[]? found = null;
            var reader = new Thread(() => found = Values(snapshot, part));
            reader.Start();
            Assert.True(reader.Join(Deadline), "The reader did not end.");
            Assert.Equal(Values(expected, part), found);
            var now = new float[replica.Layout.Length];
            replica.Read(part, 0, now);
            Assert.NotEqual(now, found);
        }
    }

    private static void Train(Replica replica, int step) => Replicas.Train(
        replica,
        (leaf, sink) => replica.ComputeMicroBatch(Replicas.RandomBatch(Replicas.TinyShape, step, leaf), sink),
        step, LeafCount, 1e-2);

    /// <summary>A part, range by range; the last is shorter.</summary>
    private static float[] Values(IReplicaSnapshot snapshot, ReplicaPart part)
    {
        var values = new float[snapshot.Length];
        for (var start = 0; start < values.Length; start += RangeElements)
        {
            var count = Math.Min(RangeElements, values.Length - start);
            snapshot.Read(part, start, count).CopyTo(values.AsSpan(start));
        }

        return values;
    }

    private static Replica New(ICopyDriver driver, ReplicaOptions? options = null)
    {
        options ??= Replicas.Tiny;
        var backend = new TorchBackend(options.Precision, new TensorMemory(torch.CPU), 1, memory =>
            new StreamCopies(driver, memory.Operators.Counts));
        var replica = new Replica(options, backend);
        replica.Initialize(5);
        return replica;
    }
}

/// <summary>What libtorch's own memory running out leaves behind.</summary>
[Collection(nameof(MemoryTests))]
public sealed class SnapshotMemoryTests
{
    private const int AttemptCount = 100;

    [Fact]
    public void Where_libtorch_has_no_memory_for_a_copy_those_before_it_are_given_back()
    {
        TorchRuntime.Prepare(1);
        using var small = torch.zeros(1000);
        using var one = torch.zeros(1);
        using var huge = one.expand(1L << 45); // 128 TiB when it is copied
        using var copies = new BlockingCopies(new TorchOperators());
        var tensors = torch.Tensor.TotalCount;
        for (var attempt = 0; attempt < AttemptCount; attempt++)
        {
            var problem = Assert.ThrowsAny<Exception>(() => copies.Keep([small, huge]));
            Assert.Equal(DeviceFailure.OutOfMemory, DeviceFailures.Of(problem));
        }

        // A collection may take some of what is left behind, but not half of it in so short a time.
        Assert.InRange(torch.Tensor.TotalCount - tensors, long.MinValue, AttemptCount / 2);
    }
}

using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Tests;

/// <summary>What must not change a single bit of a gradient or of a parameter.</summary>
public sealed class SameBitsTests
{
    private const double LearningRate = 1e-3;

    public static TheoryData<Precision, Route> Computations => new()
    {
        { Precision.Float32, Route.Cpu },
        { Precision.BFloat16, Route.Cpu },
        { Precision.BFloat16, Route.CpuWithFastBFloat16 },
        { Precision.BFloat16, Route.CpuFused },
        { Precision.Float32, Route.Tensors },
        { Precision.BFloat16, Route.Tensors },
    };

    [Theory]
    [MemberData(nameof(Computations))]
    public void A_micro_batch_gives_the_same_bits_again(Precision precision, Route route)
    {
        var options = Replicas.For(route) with { Precision = precision, Dropout = 0.1, Noise = 0.1 };
        using var replica = Fresh(options, route);
        Assert.Equal(Gradient(replica), Gradient(replica));
    }

    [Theory]
    [MemberData(nameof(Computations))]
    public void Recomputation_changes_nothing(Precision precision, Route route)
    {
        var options = Replicas.For(route) with { Precision = precision, Dropout = 0.1 };
        using var plain = Fresh(options, route);
        using var recomputing = Fresh(options with { Recompute = true }, route);
        Assert.Equal(Gradient(plain), Gradient(recomputing));
    }

    [Theory]
    [MemberData(nameof(Computations))]
    public void Any_split_of_the_leaves_gives_the_same_average(Precision precision, Route route)
    {
        const int LeafCount = 5;
        var options = Replicas.For(route) with { Precision = precision, Dropout = 0.1 };
        using var replica = Fresh(options, route);
        var alone = Average(replica, LeafCount, [0, LeafCount]);
        foreach (var cuts in new int[][] { [0, 1, 5], [0, 2, 5], [0, 4, 5], [0, 1, 3, 5], [0, 1, 2, 3, 4, 5] })
            Assert.Equal(alone, Average(replica, LeafCount, cuts));
    }

    [Theory]
    [MemberData(nameof(Computations))]
    public void A_step_that_is_extended_between_any_two_leaves_gives_the_same_average(Precision precision, Route route)
    {
        const int LeafCount = 5;
        var options = Replicas.For(route) with { Precision = precision, Dropout = 0.1 };
        using var replica = Fresh(options, route);
        var alone = Average(replica, LeafCount, [0, LeafCount]);
        LeafRange[][] lists =
        [
            [new(2, 3), new(0, 2), new(3, 5)], [new(0, 4), new(4, 5)], [new(1, 4), new(0, 1), new(4, 5)],
        ];
        foreach (var ranges in lists)
        {
            for (var before = 0; before <= ranges[0].Count; before++)
            {
                for (var between = before; between <= ranges.Take(2).LeafCount(); between++)
                    Assert.Equal(alone, ExtendedAverage(replica, ranges, before, between));
            }
        }
    }

    [Theory]
    [InlineData(Route.Cpu)]
    [InlineData(Route.Tensors)]
    public void A_step_is_not_extended_to_other_leaves(Route route)
    {
        using var replica = Fresh(Replicas.Tiny, route);
        replica.BeginStep(1, [new LeafRange(0, 2)], 4);
        Assert.Throws<InvalidOperationException>(() =>
            replica.ExtendStep([new LeafRange(0, 4)], new CollectingSink(replica.Layout.Length)));
    }

    [Theory]
    [InlineData(64, 2)]
    [InlineData(320, 5)]
    public void Fused_kernels_give_the_same_bits_with_any_number_of_threads(int width, int headCount)
    {
        var options = Replicas.Tiny with
        {
            Shape = new Core.Model.ModelShape(97, 24, width, headCount, 1),
            Precision = Precision.BFloat16,
            Dropout = 0.1,
        };
        using var one = Fresh(options with { Threads = 1 }, Route.CpuFused);
        var expected = Gradient(one);
        foreach (var threads in new[] { 2, 3, 7 })
        {
            using var several = Fresh(options with { Threads = threads }, Route.CpuFused);
            Assert.Equal(expected, Gradient(several));
        }
    }

    [Theory]
    [MemberData(nameof(Computations))]
    public void What_is_no_number_reaches_loss_and_gradient(Precision precision, Route route)
    {
        using var replica = Fresh(Replicas.For(route) with { Precision = precision }, route);
        var weight = replica.Layout["h.0.mlp.c_fc.weight"].Start + 5;
        replica.Write(ReplicaPart.Parameters, weight, [float.NaN]);
        replica.Loaded(0);
        replica.BeginStep(1, [new LeafRange(0, 1)], 1);
        var batch = Replicas.RandomBatch(replica.Layout.Shape, 1, 0);
        var sink = new SumSink();
        Assert.True(double.IsNaN(replica.ComputeMicroBatch(batch, sink)));
        Assert.True(double.IsNaN(sink.Sum));
    }

    [Theory]
    [MemberData(nameof(Computations))]
    public void A_copied_replica_goes_on_with_the_same_bits(Precision precision, Route route)
    {
        var options = Replicas.For(route) with { Precision = precision, Dropout = 0.1 };
        using var first = Fresh(options, route);
        Step(first, 1);
        using var second = Replicas.Create(options, route);
        var part = new float[1000];
        foreach (var which in Enum.GetValues<ReplicaPart>())
        {
            for (var start = 0L; start < first.Layout.Length; start += part.Length)
            {
                var range = part.AsSpan(0, (int)Math.Min(part.Length, first.Layout.Length - start));
                first.Read(which, start, range);
                second.Write(which, start, range);
            }
        }

        second.Loaded(1);
        Step(first, 2);
        Step(second, 2);
        Assert.Equal(Replicas.Parameters(first), Replicas.Parameters(second));
        Assert.Equal(2, second.Step);
    }

    [Theory]
    [InlineData(Route.Cpu)]
    [InlineData(Route.Tensors)]
    public void Ranges_come_in_the_order_they_are_finished_and_cover_everything_once(Route route)
    {
        using var replica = Fresh(Replicas.Tiny, route);
        var sink = new CollectingSink(replica.Layout.Length);
        replica.BeginStep(1, [new LeafRange(0, 1)], 1);
        replica.ComputeMicroBatch(Replicas.RandomBatch(Replicas.TinyShape, 1, 0), sink);
        var layout = replica.Layout;
        (long, long)[] expected =
        [
            (layout["ln_f.weight"].Start, layout["ln_f.bias"].End),
            layout.Block(1),
            layout.Block(0),
            (layout["wpe.weight"].Start, layout.Length),
        ];
        Assert.Equal(expected, sink.Ranges);
    }

    [Theory]
    [MemberData(nameof(Computations))]
    public void Training_the_blocks_leaves_the_other_tensors_alone(Precision precision, Route route)
    {
        var options = Replicas.For(route) with
        {
            Precision = precision,
            Trainable = TrainableParameters.TransformerLayers,
        };
        using var replica = Fresh(options, route);
        var (before, frozen) = (Replicas.Parameters(replica), replica.FrozenHash);
        Assert.All(replica.Layout.Slices, slice => Assert.InRange(slice.Layer, 0, int.MaxValue));
        Assert.All(replica.Parameters.Frozen.Slices, slice => Assert.Equal(-1, slice.Layer));
        Step(replica, 1);
        var after = Replicas.Parameters(replica);
        foreach (var slice in replica.Layout.Slices)
        {
            var (start, end) = ((int)slice.Start, (int)slice.End);
            Assert.False(before.AsSpan(start..end).SequenceEqual(after.AsSpan(start..end)), slice.Name);
        }

        Assert.Equal(frozen, replica.FrozenHash);
    }

    [Fact]
    public void A_leaf_of_another_worker_is_refused()
    {
        using var replica = Fresh(Replicas.Tiny, Route.Cpu);
        replica.BeginStep(1, [new LeafRange(0, 1)], 2);
        var batch = Replicas.RandomBatch(Replicas.TinyShape, 1, 1);
        Assert.Throws<InvalidOperationException>(() => replica.ComputeMicroBatch(batch, new CollectingSink(1)));
    }

    [Fact]
    public void A_replica_without_parameters_refuses_to_compute()
    {
        using var replica = Replicas.Create(Replicas.Tiny);
        replica.BeginStep(1, [new LeafRange(0, 1)], 1);
        var batch = Replicas.RandomBatch(Replicas.TinyShape, 1, 0);
        Assert.Throws<InvalidOperationException>(() => replica.ComputeMicroBatch(batch, new CollectingSink(1)));
    }

    private static Replica Fresh(ReplicaOptions options, Route route)
    {
        var replica = Replicas.Create(options, route);
        replica.Initialize(options.Seed);
        return replica;
    }

    private static void Step(Replica replica, long step) => Replicas.Train(
        replica,
        (leaf, sink) => replica.ComputeMicroBatch(Replicas.RandomBatch(replica.Layout.Shape, step, leaf), sink),
        step,
        2,
        LearningRate);

    private static float[] Gradient(Replica replica) => Average(replica, 1, [0, 1]);

    /// <summary>
    /// What one worker sends under its last plan: first it has one range, after some leaves two, and then all. What it
    /// contributed is compared at the end with what was read at once: it must not have been written in between.
    /// </summary>
    private static float[] ExtendedAverage(Replica replica, LeafRange[] ranges, int before, int between)
    {
        const int LeafCount = 5;
        var length = replica.Layout.Length;
        int[] leaves = [.. ranges.Leaves()];
        var sink = new CollectingSink(length);
        replica.BeginStep(1, [ranges[0]], LeafCount);
        for (var done = 0; done < leaves.Length; done++)
        {
            if (done == before)
                replica.ExtendStep(ranges[..2], sink = new CollectingSink(length));
            if (done == between)
                replica.ExtendStep(ranges, sink = new CollectingSink(length));
            replica.ComputeMicroBatch(Replicas.RandomBatch(replica.Layout.Shape, 1, leaves[done]), sink);
        }

        sink.AssertUnchanged();
        return sink.Average(new ReductionTree(LeafCount));
    }

    /// <summary>What several workers would send, computed one after the other by one replica.</summary>
    private static float[] Average(Replica replica, int leafCount, int[] cuts)
    {
        var sink = new CollectingSink(replica.Layout.Length);
        for (var worker = 0; worker + 1 < cuts.Length; worker++)
        {
            replica.BeginStep(1, [new LeafRange(cuts[worker], cuts[worker + 1])], leafCount);
            for (var leaf = cuts[worker]; leaf < cuts[worker + 1]; leaf++)
                replica.ComputeMicroBatch(Replicas.RandomBatch(replica.Layout.Shape, 1, leaf), sink);
        }

        return sink.Average(new ReductionTree(leafCount));
    }

    private sealed class SumSink : IContributionSink
    {
        public double Sum { get; private set; }

        public void Contribute(Subtree subtree, Core.Memory.FlatBuffer sums, long start, long end)
        {
            if (sums.ElementType == Core.Memory.ElementType.Float32)
            {
                foreach (var value in sums.Floats(start, (int)(end - start)))
                    Sum += value;
                return;
            }

            foreach (var bits in sums.BFloat16Bits(start, (int)(end - start)))
                Sum += BitConverter.UInt32BitsToSingle((uint)bits << 16);
        }
    }
}

using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Tests;

/// <summary>Adapters keep the same bits as full training does, with dropout of both kinds.</summary>
public sealed class LoraBitsTests
{
    // bf16 against fp32: parameters and activations keep eight bits, and a gradient's error adds up over the layers.
    private const double BFloat16Tolerance = 0.03;

    private static readonly LoraOptions Adapters = new() { Rank = 5, Alpha = 10, Dropout = 0.2 };

    public static TheoryData<Precision, Route> Computations => SameBitsTests.Computations;

    [Theory]
    [MemberData(nameof(Computations))]
    public void Recomputation_and_any_split_of_the_leaves_change_nothing(Precision precision, Route route)
    {
        var options = Options(precision, route);
        using var replica = Fresh(options, route);
        using var recomputing = Fresh(options with { Recompute = true }, route);
        var alone = Average(replica, [0, 5]);
        Assert.Contains(alone, value => value != 0);
        Assert.Equal(alone, Average(replica, [0, 5]));
        Assert.Equal(alone, Average(recomputing, [0, 5]));
        foreach (var cuts in new int[][] { [0, 1, 5], [0, 2, 5], [0, 1, 2, 3, 4, 5] })
            Assert.Equal(alone, Average(replica, cuts));
    }

    [Theory]
    [MemberData(nameof(Computations))]
    public void What_is_not_trained_has_no_place_in_gradient_moments_and_copies(Precision precision, Route route)
    {
        using var replica = Fresh(Options(precision, route), route);
        var shape = replica.Parameters.Shape;
        // Of each block A and B of four layers: R times inputs and outputs.
        var ofABlock = Adapters.Rank * ((1 + 3) + (1 + 1) + (1 + 4) + (4 + 1)) * shape.Width;
        Assert.Equal(shape.LayerCount * ofABlock, replica.Layout.Length);
        Assert.Equal(new ParameterLayout(shape).Length, replica.Parameters.Frozen.Length);
        Train(replica);
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            replica.Write(ReplicaPart.FirstMoments, replica.Layout.Length, [1f]));
    }

    [Theory]
    [MemberData(nameof(Computations))]
    public void Adapters_that_are_copied_onto_the_same_base_go_on_with_the_same_bits(Precision precision, Route route)
    {
        var options = Options(precision, route);
        using var first = Fresh(options, route);
        Train(first);
        using var second = Fresh(options with { Seed = options.Seed + 1 }, route);
        Assert.NotEqual(first.FrozenHash, second.FrozenHash);
        var values = new float[first.Parameters.Base.Length];
        WeightInitialization.Fill(first.Parameters.Base, options.Seed, 0, values);
        second.WriteBase(0, values, frozenOnly: true);
        foreach (var part in Enum.GetValues<ReplicaPart>())
        {
            var elements = new float[first.Layout.Length];
            first.Read(part, 0, elements);
            second.Write(part, 0, elements);
        }

        second.Loaded(first.Step);
        Assert.Equal(first.FrozenHash, second.FrozenHash);
        var prompt = new GenerationRequest { Prompt = [3, 1], Length = 8, TopK = 30, Seed = 6 };
        Assert.Equal(Text(first, prompt), Text(second, prompt));
        using var joining = Fresh(options, route);
        foreach (var part in Enum.GetValues<ReplicaPart>())
        {
            var elements = new float[first.Layout.Length];
            first.Read(part, 0, elements);
            joining.Write(part, 0, elements);
        }

        joining.Loaded(first.Step);
        Train(first, 2);
        Train(joining, 2);
        Assert.Equal(Replicas.Parameters(first), Replicas.Parameters(joining));
    }

    [Theory]
    [MemberData(nameof(Computations))]
    public void A_step_that_is_extended_gives_the_same_average(Precision precision, Route route)
    {
        using var replica = Fresh(Options(precision, route), route);
        var alone = Average(replica, [0, 5]);
        LeafRange[] ranges = [new(2, 3), new(0, 2), new(3, 5)];
        int[] leaves = [.. ranges.Leaves()];
        for (var extended = 0; extended <= ranges[0].Count; extended++)
        {
            var sink = new CollectingSink(replica.Layout.Length);
            replica.BeginStep(1, [ranges[0]], leaves.Length);
            for (var done = 0; done < leaves.Length; done++)
            {
                if (done == extended)
                    replica.ExtendStep(ranges, sink = new CollectingSink(replica.Layout.Length));
                replica.ComputeMicroBatch(Replicas.RandomBatch(replica.Parameters.Shape, 1, leaves[done]), sink);
            }

            sink.AssertUnchanged();
            Assert.Equal(alone, sink.Average(new ReductionTree(leaves.Length)));
        }
    }

    [Theory]
    [InlineData(Route.CpuFused)]
    [InlineData(Route.CpuWithFastBFloat16)]
    [InlineData(Route.Tensors)]
    public void In_bf16_every_gradient_is_close_to_that_in_fp32(Route route)
    {
        // Adapters that have learnt something: B is not zero.
        var options = Options(Precision.Float32, Route.CpuFused);
        using var wide = Fresh(options, Route.Cpu);
        Train(wide);
        using var narrow = Fresh(options with { Precision = Precision.BFloat16 }, route);
        narrow.Write(ReplicaPart.Parameters, 0, Replicas.Parameters(wide));
        narrow.Loaded(1);
        var (expected, found) = (Average(wide, [0, 5]), Average(narrow, [0, 5]));
        foreach (var slice in wide.Layout.Slices)
        {
            var range = (int)slice.Start..(int)slice.End;
            var norm = Math.Sqrt(expected[range].Sum(value => (double)value * value));
            var squares = expected[range].Zip(found[range]).Sum(pair => Math.Pow(pair.First - pair.Second, 2));
            var distance = Math.Sqrt(squares);
            Assert.True(distance <= BFloat16Tolerance * norm, $"{slice.Name}: {distance / norm:P2}");
        }
    }

    private static ReplicaOptions Options(Precision precision, Route route) => Replicas.For(route) with
    {
        Precision = precision,
        Dropout = 0.1,
        Trainable = TrainableParameters.Lora,
        Lora = Adapters,
        Threads = 2,
    };

    private static Compute.Replica Fresh(ReplicaOptions options, Route route)
    {
        var replica = Replicas.Create(options, route);
        replica.Initialize(options.Seed);
        return replica;
    }

    private static void Train(Compute.Replica replica, long step = 1) => Replicas.Train(
        replica,
        (leaf, sink) => replica.ComputeMicroBatch(Replicas.RandomBatch(replica.Parameters.Shape, step, leaf), sink),
        step,
        2,
        1e-2);

    private static List<int> Text(Compute.Replica replica, GenerationRequest request)
    {
        var text = new List<int>();
        replica.Generate(request, token => text.Add(token.Token), CancellationToken.None);
        return text;
    }

    private static float[] Average(Compute.Replica replica, int[] cuts)
    {
        const int LeafCount = 5;
        var sink = new CollectingSink(replica.Layout.Length);
        for (var worker = 0; worker + 1 < cuts.Length; worker++)
        {
            replica.BeginStep(1, [new LeafRange(cuts[worker], cuts[worker + 1])], LeafCount);
            for (var leaf = cuts[worker]; leaf < cuts[worker + 1]; leaf++)
                replica.ComputeMicroBatch(Replicas.RandomBatch(replica.Parameters.Shape, 1, leaf), sink);
        }

        return sink.Average(new ReductionTree(LeafCount));
    }
}

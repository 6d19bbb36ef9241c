using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Compute.Torch;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Randomness;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;
using TorchSharp;

namespace Gpt2Cluster.Compute.Tests.Support;

/// <summary>
/// The ways a replica can compute: what a CPU runs, without and with fast bf16, and fused where the shape allows it;
/// and what a GPU runs.
/// </summary>
public enum Route
{
    Cpu,
    CpuWithFastBFloat16,
    CpuFused,
    Tensors,
}

internal static class Replicas
{
    public static readonly ModelShape TinyShape = new(97, 24, 32, 2, 2);

    /// <summary>Widths the fused kernels take; windows, rows and vocabulary fill no tile.</summary>
    public static readonly ModelShape FusedShape = new(97, 24, 64, 2, 2);

    /// <summary>Where <see cref="Route.Tensors"/> computes: on a card, too, for who has one.</summary>
    private static readonly torch.Device TensorsDevice =
        new(Environment.GetEnvironmentVariable("GPT2CLUSTER_TESTS_DEVICE") ?? "cpu");

    public static Replica Create(ReplicaOptions options, Route route = Route.Cpu)
    {
        var (precision, threads, shape) = (options.Precision, options.Threads, options.Shape);
        return new Replica(options, route switch
        {
            Route.Cpu => new PortableCpuBackend(precision, Prepared(threads), false, shape),
            Route.CpuFused => new FusedCpuBackend(Prepared(threads)),
            Route.CpuWithFastBFloat16 => CpuBackend.For(precision, threads, multipliesBFloat16: true, shape),
            _ => new TorchBackend(precision, threads, TensorsDevice),
        });
    }

    /// <summary>By tensors, with chunks of the vocabulary's logits of as many rows.</summary>
    public static Replica InChunks(ReplicaOptions options, int chunkRows)
    {
        var elementBytes = options.Precision == Precision.BFloat16 ? 2 : sizeof(float);
        var rowBytes = VocabularyPadding.PaddedRows(options.Shape.VocabularySize) * elementBytes;
        return new Replica(options, new TorchBackend(options.Precision, options.Threads, TensorsDevice)
        {
            MostLogitBytes = (long)chunkRows * rowBytes,
        });
    }

    private static int Prepared(int threads)
    {
        TorchRuntime.Prepare(threads);
        return threads;
    }

    public static ReplicaOptions Tiny => new() { Shape = TinyShape, Precision = Precision.Float32, Seed = 7 };

    /// <summary>A tiny model of a shape the route takes.</summary>
    public static ReplicaOptions For(Route route) =>
        route == Route.CpuFused ? Tiny with { Shape = FusedShape } : Tiny;

    public static Replica Golden(ReplicaOptions? options = null, Route route = Route.Cpu)
    {
        options ??= new ReplicaOptions { Shape = Support.Golden.Shape, Precision = Precision.Float32 };
        var replica = Create(options, route);
        replica.InitializeTrained(options.Seed);
        foreach (var slice in replica.Parameters.Base.Slices)
            replica.WriteBase(slice.Start, Support.Golden.Weights(slice.Name));
        replica.Loaded(0);
        return replica;
    }

    /// <summary>
    /// The logits of the golden batch, (128, 512), with the parameters of a replica of the golden shape.
    /// </summary>
    public static float[] GoldenLogits(Replica replica)
    {
        using var mode = torch.no_grad();
        using var backend = CpuBackend.For(Precision.Float32, 1, false, Support.Golden.Shape);
        using var space = new Workspace(backend, replica.Parameters, 128, false, false);
        using var model = new Gpt2(backend, replica.Parameters, replica.Working, new PhaseClock());
        model.Losses(
            space,
            StepContext.ForEvaluation(Support.Golden.SequenceLength),
            Support.Golden.Inputs(),
            Support.Golden.Targets(),
            new double[128]);
        return ((ChunkedHeadLoss)model.Loss).Logits!.Tensor.data<float>().ToArray();
    }

    public static double ComputeGolden(Replica replica, long step, int leaf, IContributionSink sink) =>
        replica.ComputeMicroBatch(
            step, leaf, Support.Golden.SequenceLength, Support.Golden.Inputs(), Support.Golden.Targets(), sink);

    public static MicroBatch RandomBatch(ModelShape shape, long step, int index, int windows = 2, int length = 24)
    {
        var stream = new RandomStream(99, RandomPurpose.Synthetic, step, index);
        var tokens = Enumerable.Range(0, windows * (length + 1))
            .Select(position => (ushort)stream.Below(position, shape.VocabularySize));
        return new MicroBatch(step, index, tokens.ToArray(), windows, length);
    }

    /// <summary>One whole step on one replica: M micro-batches, norm, clipping, update; the losses come back.</summary>
    public static double[] Train(
        Replica replica,
        Func<int, IContributionSink, double> compute,
        long step,
        int leafCount,
        double learningRate,
        double clip = 0)
    {
        var sink = new CollectingSink(replica.Layout.Length);
        replica.BeginStep(step, [new LeafRange(0, leafCount)], leafCount);
        var losses = Enumerable.Range(0, leafCount).Select(leaf => compute(leaf, sink)).ToArray();
        using var averages = ToBuffer(sink.Average(new ReductionTree(leafCount)));
        Land(averages, replica.TakeAverages());
        var norm = replica.GradientNorm(averages);
        var scale = clip > 0 ? Math.Min(1, clip / (norm + 1e-6)) : 1;
        replica.Apply(averages, step, learningRate, scale);
        return losses;
    }

    /// <summary>Averages land in three ranges, the last first; on a processor nobody takes them.</summary>
    public static void Land(FlatBuffer averages, IAveragesSink? sink)
    {
        long[] edges = [averages.Length, averages.Length / 2, averages.Length / 5, 0];
        foreach (var (end, start) in edges.Zip(edges.Skip(1)))
            sink?.Landed(averages, start, end);
    }

    public static FlatBuffer ToBuffer(float[] values)
    {
        var buffer = FlatBuffer.Allocate(values.Length);
        values.CopyTo(buffer.Floats(0, values.Length));
        return buffer;
    }

    public static float[] Parameters(IReplica replica)
    {
        var values = new float[replica.Layout.Length];
        replica.Read(ReplicaPart.Parameters, 0, values);
        return values;
    }
}

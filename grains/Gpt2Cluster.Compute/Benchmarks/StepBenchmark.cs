using System.Diagnostics;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Randomness;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>What came out.</summary>
/// <param name="TokensPerSecond">Of the median step behind the warm-up.</param>
/// <param name="SecondsPerStep">The median step behind the warm-up.</param>
/// <param name="MatmulGflops">
/// The best rate over the model's own product shapes at this precision and thread count, the median of ten each.
/// </param>
/// <param name="ModelFlopsUtilization">
/// 6 x (parameters without wpe) + 12 x layers x width x T operations a token, over <paramref name="MatmulGflops"/>.
/// </param>
/// <param name="PeakResidentBytes">The most memory the process has held.</param>
/// <param name="EstimatedBytes">
/// What <see cref="MemoryEstimate"/> says of it; on a card what <see cref="CardMemoryEstimate"/> says of the card.
/// </param>
/// <param name="Phases">The phases of that same step.</param>
public sealed record StepBenchmarkResult(
    double TokensPerSecond,
    double SecondsPerStep,
    double MatmulGflops,
    double ModelFlopsUtilization,
    long PeakResidentBytes,
    long EstimatedBytes,
    ComputeTimes Phases);

/// <summary>Times whole training steps, norm and update included, and where their time goes.</summary>
public static class StepBenchmark
{
    /// <summary>Steps that are not counted.</summary>
    public const int WarmUpSteps = 2;

    /// <summary>Runs on the calling thread; tens of seconds for the larger models.</summary>
    /// <exception cref="ArgumentException">There is no step behind the warm-up.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled between two steps.</exception>
    public static StepBenchmarkResult Run(
        IReplicaFactory factory,
        int deviceIndex,
        StepBenchmarkOptions options,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(factory);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Steps <= WarmUpSteps)
            throw new ArgumentException($"At least {WarmUpSteps + 1} steps are needed: {WarmUpSteps} warm up.");
        var (seconds, phases, parameters) = TimeSteps(factory, deviceIndex, options, cancellation);
        using var process = Process.GetCurrentProcess();
        var peak = process.PeakWorkingSet64;
        var device = factory.Devices[deviceIndex];
        var gflops = ProductRates.Best(device, options);
        var tokens = (double)options.BatchSize * options.SequenceLength;
        var operations = OperationsPerToken(parameters, options.SequenceLength) * tokens;
        return new StepBenchmarkResult(
            tokens / seconds,
            seconds,
            gflops,
            operations / seconds / (gflops * 1e9),
            peak,
            Estimate(device, DemandOf(options, parameters)),
            phases);
    }

    private static long Estimate(Device device, MemoryDemand demand) =>
        device.IsCard ? CardMemoryEstimate.Of(demand).DeviceBytes
        : device.ActsAsCard ? StandIn(demand).TensorBytes
        : MemoryEstimate.Of(demand).TotalBytes;

    /// <summary>
    /// A processor takes an update's roots in fp64, beside the averages and a scratch: 4 bytes a parameter more than
    /// the norm's squares, which are the most on a card.
    /// </summary>
    private static CardMemoryEstimate StandIn(MemoryDemand demand)
    {
        var card = CardMemoryEstimate.Of(demand);
        var elements = Math.Min(demand.Parameters.Trained.Length, CardMemoryEstimate.MostUpdateElements);
        return card with { UpdateBytes = card.UpdateBytes + (sizeof(float) * elements) };
    }

    private static MemoryDemand DemandOf(StepBenchmarkOptions options, ModelParameters parameters) => new(
        parameters,
        OptimizerKind.AdamW,
        options.Precision,
        options.BatchSize,
        options.SequenceLength,
        MicroBatchCount: 1,
        options.Recompute,
        SiloCount: 0,
        WritesCheckpoints: false);

    /// <summary>
    /// Operations a trained token costs: two a weight forward, two backward to the input and two to the weight
    /// (Kaplan et al. 2020), the last only where it is trained; and attention's scores.
    /// </summary>
    public static double OperationsPerToken(ModelParameters parameters, int sequenceLength)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        var shape = parameters.Shape;
        var positions = new ParameterId(-1, ParameterRole.PositionEmbedding);
        double Multiplied(ParameterLayout layout) => layout.Length - (layout.Find(positions)?.Length ?? 0);
        return (6 * Multiplied(parameters.Trained)) + (4 * Multiplied(parameters.Frozen))
            + (12.0 * shape.LayerCount * shape.Width * sequenceLength);
    }

    private static (double Seconds, ComputeTimes Phases, ModelParameters Parameters) TimeSteps(
        IReplicaFactory factory, int deviceIndex, StepBenchmarkOptions options, CancellationToken cancellation)
    {
        using var replica = factory.Create(deviceIndex, new ReplicaOptions
        {
            Shape = options.Shape,
            Precision = options.Precision,
            Threads = options.Threads,
            Trainable = options.Scope.Trainable,
            Lora = options.Scope.Lora(),
            Recompute = options.Recompute,
        });
        replica.Initialize(1);
        var steps = new List<(double Seconds, ComputeTimes Phases)>();
        for (var step = 1; step <= options.Steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            var batch = MakeBatch(options, step);
            var start = Stopwatch.GetTimestamp();
            Step(replica, batch, step);
            if (step > WarmUpSteps)
                steps.Add((Stopwatch.GetElapsedTime(start).TotalSeconds, replica.Times));
        }

        // One step that was, not the middle of each phase by itself: its phases add up to no more than the whole.
        var (seconds, phases) = steps.OrderBy(step => step.Seconds).ElementAt(steps.Count / 2);
        return (seconds, phases, replica.Parameters);
    }

    private static void Step(IReplica replica, in MicroBatch batch, int step)
    {
        var sink = new LastBufferSink();
        replica.BeginStep(step, [new LeafRange(0, 1)], 1);
        replica.ComputeMicroBatch(batch, sink);
        var averages = sink.Sums!; // The only leaf is the root, and dividing by one changes nothing.
        var norm = replica.GradientNorm(averages);
        replica.Apply(averages, step, 5e-5, Math.Min(1, 1 / norm));
    }

    private static MicroBatch MakeBatch(StepBenchmarkOptions options, int step)
    {
        var stream = new RandomStream(1, RandomPurpose.Synthetic, step);
        var tokens = new ushort[options.BatchSize * (options.SequenceLength + 1)];
        for (var index = 0; index < tokens.Length; index++)
            tokens[index] = (ushort)stream.Below(index, options.Shape.VocabularySize);
        return new MicroBatch(step, 0, tokens, options.BatchSize, options.SequenceLength);
    }

    private sealed class LastBufferSink : IContributionSink
    {
        public FlatBuffer? Sums { get; private set; }

        public void Contribute(Subtree subtree, FlatBuffer sums, long start, long end) => Sums = sums;
    }
}

using System.Runtime.InteropServices;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>
/// Trains <c>scratch:tiny</c> by its own defaults on a tokenised text; the same as <c>pytorch_tinyshakespeare.py</c>.
/// </summary>
internal static class TinyTraining
{
    private const ulong Seed = 1;

    /// <summary>The validation loss behind the last step.</summary>
    /// <param name="tokenFile">Tokens as uint16, little endian.</param>
    /// <param name="precision">Of the products.</param>
    /// <param name="threads">Intra-op threads.</param>
    public static double Run(string tokenFile, Precision precision, int threads)
    {
        var preset = Presets.Scratch("scratch:tiny");
        var defaults = preset.ScratchDefaults;
        var (steps, windows, parts) = ((int)defaults.Steps, defaults.BatchSize, defaults.MicroBatchCount);
        var tokens = MemoryMarshal.Cast<byte, ushort>(File.ReadAllBytes(tokenFile)).ToArray();
        var split = ValidationSplit.Of(tokens.Length, preset.Shape.ContextLength, ValidationSplit.DefaultFraction);
        var training = tokens.AsMemory(0, (int)split.TrainingTokenCount);
        var layout = new WindowLayout(training.Length, preset.Shape.ContextLength);
        var order = new WindowOrder(layout.WindowCount, Seed, parts, windows);
        var warmup = defaults.WarmupSteps ?? LearningRateSchedule.DefaultWarmup(steps);
        var schedule = new LearningRateSchedule(ScheduleKind.Cosine, defaults.LearningRate, warmup);
        using var replica = new ReplicaFactory(ReplicaFactory.CpuDevices(1)).Create(0, new ReplicaOptions
        {
            Shape = preset.Shape,
            Precision = precision,
            Threads = threads,
            Seed = Seed,
        });
        replica.Initialize(Seed);
        for (var step = 1; step <= steps; step++)
        {
            var (mean, sums) = Step(
                replica, step, parts, index => Batch(training, layout, order.MicroBatch(step, index), step, index));
            VectorSum.Divide(sums.Floats(0, (int)replica.Layout.Length), parts);
            replica.Apply(sums, step, schedule.At(step, steps), Math.Min(1, 1 / replica.GradientNorm(sums)));
            if (step == 1 || step % 50 == 0)
                Console.Error.WriteLine($"step {step}: loss {mean:F4}");
        }

        return Validate(replica, tokens.AsMemory((int)split.TrainingTokenCount));
    }

    private static (double Mean, FlatBuffer Sums) Step(
        IReplica replica, int step, int parts, Func<int, MicroBatch> batch)
    {
        var sink = new RootSink();
        replica.BeginStep(step, 0, parts, parts);
        var mean = Enumerable.Range(0, parts).Average(index => replica.ComputeMicroBatch(batch(index), sink));
        return (mean, sink.Sums!);
    }

    private static MicroBatch Batch(
        ReadOnlyMemory<ushort> text, WindowLayout layout, long[] windows, long step, int index)
    {
        var length = layout.SequenceLength;
        var tokens = windows.SelectMany(window => text.Slice((int)layout.Start(window), length + 1).ToArray());
        return new MicroBatch(step, index, tokens.ToArray(), windows.Length, length);
    }

    private static double Validate(IReplica replica, ReadOnlyMemory<ushort> text)
    {
        var layout = new WindowLayout(text.Length, replica.Layout.Shape.ContextLength);
        var sum = 0.0;
        for (var window = 0L; window < layout.WindowCount; window++)
            sum += replica.SumLosses(Batch(text, layout, [window], 0, 0), [layout.FirstTarget(window)])[0];
        return sum / layout.TargetCount;
    }

    private sealed class RootSink : IContributionSink
    {
        public FlatBuffer? Sums { get; private set; }

        public void Contribute(Subtree subtree, FlatBuffer sums, long start, long end) => Sums = sums;
    }
}

using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Generation;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Compute.Training;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute;

/// <summary>One model on one device: GPT-2, its gradient, its optimizer and its text.</summary>
internal sealed class Replica : IReplica
{
    private const int InitializationElements = 1 << 18;

    private readonly ReplicaOptions options;
    private readonly ComputeRoute route;
    private readonly ReplicaState state;
    private readonly IWorkingParameters working;
    private readonly GradientFold fold;
    private readonly IUpdateRule updateRule;
    private readonly PhaseClock clock = new();
    private readonly Gpt2 model;
    private Workspace? training;
    private Decoder? decoder;

    /// <summary>Makes a replica of zeros on the calling thread.</summary>
    public Replica(ReplicaOptions options, ComputeRoute route)
    {
        this.options = options;
        this.route = route;
        Layout = new ParameterLayout(options.Shape);
        var hasMoments = options.Trains && options.Optimizer.Kind == OptimizerKind.AdamW;
        state = new ReplicaState(Layout, hasMoments, route.Device);
        working = route.WorkingParameters(state.Parameters, Layout);
        fold = new GradientFold(Layout, route.Team, route.Type, route.Device);
        updateRule = route.UpdateRule(
            state, ParameterSegment.For(Layout, options.Trainable), options.Optimizer, working);
        model = new Gpt2(route, Layout, working, clock);
    }

    /// <inheritdoc/>
    public ParameterLayout Layout { get; }

    /// <inheritdoc/>
    public long Step { get; private set; }

    /// <inheritdoc/>
    public bool IsLoaded { get; private set; }

    /// <inheritdoc/>
    public ComputeTimes Times => clock.Times;

    /// <inheritdoc/>
    public void Initialize(ulong seed)
    {
        var parts = (int)((Layout.Length + InitializationElements - 1) / InitializationElements);
        route.Team.For(parts, 1, (from, to) =>
        {
            var values = new float[InitializationElements];
            for (var part = from; part < to; part++)
            {
                var start = (long)part * InitializationElements;
                var count = (int)Math.Min(InitializationElements, Layout.Length - start);
                WeightInitialization.Fill(Layout, seed, start, values.AsSpan(0, count));
                state.Parameters.Write(start, values.AsSpan(0, count));
            }
        });
        state.FirstMoments?.Clear();
        state.SecondMoments?.Clear();
        DropDecoder();
        Loaded(0);
    }

    /// <inheritdoc/>
    public void Read(ReplicaPart part, long start, Span<float> into)
    {
        if (state[part] is { } flat)
            flat.Read(start, into);
        else
            into.Clear();
    }

    /// <inheritdoc/>
    public void Write(ReplicaPart part, long start, ReadOnlySpan<float> from)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + from.Length, Layout.Length, nameof(start));
        state[part]?.Write(start, from);
        IsLoaded = false;
        DropDecoder();
    }

    /// <inheritdoc/>
    public void Loaded(long step)
    {
        const int PartElements = 1 << 20;
        var parts = (int)((Layout.Length + PartElements - 1) / PartElements);
        route.Team.For(parts, 1, (from, to) =>
        {
            for (var start = (long)from * PartElements; start < (long)to * PartElements; start += PartElements)
                working.Refresh(start, (int)Math.Min(PartElements, Layout.Length - start));
        });
        Step = step;
        IsLoaded = true;
    }

    /// <inheritdoc/>
    public void BeginStep(long step, IReadOnlyList<LeafRange> ranges, int leafCount)
    {
        clock.Reset();
        fold.Begin(ranges, leafCount);
    }

    /// <inheritdoc/>
    public void ExtendStep(IReadOnlyList<LeafRange> ranges, IContributionSink sink)
    {
        var before = clock.Enter(Phase.Fold);
        fold.Extend(ranges, sink);
        clock.Enter(before);
    }

    /// <inheritdoc/>
    public double ComputeMicroBatch(in MicroBatch batch, IContributionSink sink)
    {
        var (tokens, targets) = Windows.Split(batch, options.Shape);
        InputNoise.Apply(tokens, options.Noise, options.Shape.VocabularySize, options.Seed, batch.Step, batch.Index);
        return ComputeMicroBatch(batch.Step, batch.Index, batch.SequenceLength, tokens, targets, sink);
    }

    /// <summary>The same with inputs and targets apart.</summary>
    internal double ComputeMicroBatch(
        long step, int index, int sequenceLength, int[] tokens, int[] targets, IContributionSink sink)
    {
        ThrowIfNotLoaded();
        using var mode = no_grad();
        var (foldStep, gradient) = fold.Open(index);
        var losses = new double[tokens.Length];
        model.LossesAndGradients(
            TrainingSpace(tokens.Length),
            new Pass(sequenceLength, true, options.Dropout, options.Seed, step, index),
            options.Recompute,
            options.Trainable == TrainableParameters.All,
            tokens,
            targets,
            gradient,
            (start, end) => Fold(foldStep, start, end, sink),
            losses);
        fold.Close();
        return losses.Sum() / losses.Length;
    }

    /// <inheritdoc/>
    public double GradientNorm(FlatBuffer averages)
    {
        var before = clock.Enter(Phase.Optimizer);
        var norm = GradientNorms.Of(averages, Layout.Length, route.Team);
        clock.Enter(before);
        return norm;
    }

    /// <inheritdoc/>
    public void Apply(FlatBuffer averages, long step, double learningRate, double scale)
    {
        ThrowIfNotLoaded();
        var before = clock.Enter(Phase.Optimizer);
        IsLoaded = false;
        updateRule.Apply(averages, step, learningRate, scale);
        IsLoaded = true;
        Step = step;
        clock.Enter(before);
    }

    /// <inheritdoc/>
    public void Skip(long step) => Step = step;

    /// <inheritdoc/>
    public double[] SumLosses(in MicroBatch batch, ReadOnlySpan<int> firstTargets)
    {
        ThrowIfNotLoaded();
        using var mode = no_grad();
        var (tokens, targets) = Windows.Split(batch, options.Shape);
        using var space = new Workspace(options.Shape, tokens.Length, false, false, route.Type, route.Device);
        var losses = new double[tokens.Length];
        model.Losses(space, new Pass(batch.SequenceLength, false, 0, 0, 0, 0), tokens, targets, losses);
        var sums = new double[batch.BatchSize];
        for (var window = 0; window < sums.Length; window++)
        {
            for (var position = firstTargets[window]; position < batch.SequenceLength; position++)
                sums[window] += losses[(window * batch.SequenceLength) + position];
        }

        return sums;
    }

    /// <inheritdoc/>
    public void Generate(GenerationRequest request, Action<GeneratedToken> produced, CancellationToken cancellation)
    {
        ThrowIfNotLoaded();
        using var mode = no_grad();
        decoder ??= NewDecoder();
        try
        {
            new TextGenerator(decoder, options.Shape).Run(request, produced, cancellation);
        }
        finally
        {
            // A replica that trains will have other parameters next time, and needs the memory.
            if (options.Trains)
                DropDecoder();
        }
    }

    /// <summary>Decodes with the parameters as they are now.</summary>
    internal Decoder NewDecoder() => new(Layout, working, model, route);

    /// <inheritdoc/>
    public void Dispose()
    {
        DropDecoder();
        training?.Dispose();
        model.Dispose();
        fold.Dispose();
        working.Dispose();
        state.Dispose();
        route.Dispose();
    }

    private void Fold(FoldStep step, long start, long end, IContributionSink sink)
    {
        var before = clock.Enter(Phase.Fold);
        fold.Finish(step, start, end, sink);
        clock.Enter(before);
    }

    private void DropDecoder()
    {
        decoder?.Dispose();
        decoder = null;
    }

    private Workspace TrainingSpace(int rows)
    {
        if (training?.Rows == rows)
            return training;
        training?.Dispose();
        training = new Workspace(options.Shape, rows, true, options.Recompute, route.Type, route.Device);
        return training;
    }

    private void ThrowIfNotLoaded()
    {
        if (!IsLoaded)
        {
            throw new InvalidOperationException(
                "The replica holds no parameters yet: Initialize or Loaded must come first.");
        }
    }
}

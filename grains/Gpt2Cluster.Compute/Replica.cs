using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Generation;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Compute.Training;
using Gpt2Cluster.Core.Checkpoints;
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
    private readonly ComputeBackend backend;
    private readonly ReplicaState state;
    private readonly IWorkingParameters working;
    private readonly GradientAccumulator accumulator;
    private readonly IOptimizer optimizer;
    private readonly PhaseClock clock = new();
    private readonly Gpt2 model;
    private Workspace? training;
    private string? frozenHash;
    private Decoder? decoder;

    /// <summary>Makes a replica of zeros on the calling thread.</summary>
    public Replica(ReplicaOptions options, ComputeBackend backend)
    {
        this.options = options;
        this.backend = backend;
        Parameters = new ModelParameters(options.Shape, options.Trainable, options.Lora);
        var hasMoments = options.Trains && options.Optimizer.Kind == OptimizerKind.AdamW;
        try
        {
            state = new ReplicaState(Layout, hasMoments, backend.Memory);
            working = backend.NewWorkingParameters(Parameters, state.Parameters);
            accumulator = backend.NewGradientAccumulator(Layout);
            optimizer = backend.NewOptimizer(state, Layout, options.Optimizer, working);
            model = new Gpt2(backend, Parameters, working, clock);
        }
        catch
        {
            // Memory may have run out half way, and a smaller run needs what was taken.
            accumulator?.Dispose();
            working?.Dispose();
            state?.Dispose();
            backend.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public ModelParameters Parameters { get; }

    /// <inheritdoc/>
    public ParameterLayout Layout => Parameters.Trained;

    /// <inheritdoc/>
    public long Step { get; private set; }

    /// <inheritdoc/>
    public bool IsLoaded { get; private set; }

    /// <inheritdoc/>
    public ComputeTimes Times => clock.Times;

    /// <inheritdoc/>
    public void Initialize(ulong seed)
    {
        ForRanges(Parameters.Frozen.Length, (start, values) =>
        {
            WeightInitialization.Fill(Parameters.Frozen, seed, start, values);
            working.WriteFrozen(start, values);
        });
        InitializeTrained(seed);
        Loaded(0);
    }

    /// <inheritdoc/>
    public void InitializeTrained(ulong seed)
    {
        ForRanges(Layout.Length, (start, values) =>
        {
            WeightInitialization.Fill(Layout, seed, start, values);
            state.Parameters.Write(start, values);
        });
        state.FirstMoments?.Clear();
        state.SecondMoments?.Clear();
        NotLoaded();
    }

    /// <inheritdoc/>
    public void WriteBase(long start, ReadOnlySpan<float> from, bool frozenOnly = false)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + from.Length, Parameters.Base.Length, nameof(start));
        foreach (var (slice, offset, first, count) in Parameters.Base.Parts(start, from.Length))
        {
            var values = from.Slice(first, count);
            if (Parameters.Frozen.Find(slice.Parameter.Id) is { } frozen)
                working.WriteFrozen(frozen.Start + offset, values);
            else if (!frozenOnly)
                state.Parameters.Write(Layout[slice.Parameter.Id].Start + offset, values);
        }

        NotLoaded();
    }

    /// <inheritdoc/>
    public string? FrozenHash => Parameters.Frozen.Length == 0 ? null : frozenHash ??= HashFrozen();

    /// <inheritdoc/>
    public void Read(ReplicaPart part, long start, Span<float> into)
    {
        if (state[part] is { } flat)
            flat.Read(start, into);
        else
            into.Clear();
    }

    /// <inheritdoc/>
    public IReplicaSnapshot Snapshot() =>
        backend.Snapshot(state, Layout.Length, FrozenHash) ?? HostSnapshot.Take(this, state.Parts);

    /// <inheritdoc/>
    public void Write(ReplicaPart part, long start, ReadOnlySpan<float> from)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + from.Length, Layout.Length, nameof(start));
        state[part]?.Write(start, from);
        NotLoaded();
    }

    /// <inheritdoc/>
    public void Loaded(long step)
    {
        const int PartElements = 1 << 20;
        var parts = (int)((Layout.Length + PartElements - 1) / PartElements);
        backend.Team.For(parts, 1, (from, to) =>
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
        accumulator.Begin(ranges, leafCount);
    }

    /// <inheritdoc/>
    public void ExtendStep(IReadOnlyList<LeafRange> ranges, IContributionSink sink)
    {
        var before = clock.Enter(Phase.Fold);
        accumulator.Extend(ranges, sink);
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
        FaultPoints.Reach(FaultPoint.Forward, step);
        using var mode = no_grad();
        accumulator.Open(index, sink);
        var losses = new double[tokens.Length];
        model.LossesAndGradients(
            TrainingSpace(tokens.Length),
            new StepContext(sequenceLength, true, true, options.Dropout, options.Seed, step, index),
            options.Recompute,
            tokens,
            targets,
            accumulator,
            losses);
        accumulator.Close();
        return losses.Sum() / losses.Length;
    }

    /// <inheritdoc/>
    public bool AveragesAlone => backend.AveragesAlone;

    /// <inheritdoc/>
    public void AverageAlone()
    {
        var before = clock.Enter(Phase.Optimizer);
        backend.Average(accumulator.Root, accumulator.LeafCount, Layout.Length);
        clock.Enter(before);
    }

    /// <inheritdoc/>
    public IAveragesSink? TakeAverages() => backend.TakeAverages(Layout.Length);

    /// <inheritdoc/>
    public double GradientNorm(FlatBuffer? averages)
    {
        var before = clock.Enter(Phase.Optimizer);
        var norm = backend.GradientNorm(averages, Layout.Length);
        clock.Enter(before);
        return norm;
    }

    /// <inheritdoc/>
    public void Apply(FlatBuffer? averages, long step, double learningRate, double scale)
    {
        ThrowIfNotLoaded();
        var before = clock.Enter(Phase.Optimizer);
        IsLoaded = false;
        optimizer.Apply(averages, step, learningRate, scale);
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
        using var space = new Workspace(backend, Parameters, tokens.Length, false, false);
        var losses = new double[tokens.Length];
        model.Losses(space, StepContext.ForEvaluation(batch.SequenceLength), tokens, targets, losses);
        var sums = new double[batch.BatchSize];
        for (var window = 0; window < sums.Length; window++)
        {
            for (var position = firstTargets[window]; position < batch.SequenceLength; position++)
                sums[window] += losses[(window * batch.SequenceLength) + position];
        }

        return sums;
    }

    /// <inheritdoc/>
    public ITextBatch NewTexts()
    {
        ThrowIfNotLoaded();
        decoder ??= NewDecoder();

        // A replica that trains will have other parameters next time, and needs the memory.
        return new TextBatch(decoder, options.Shape, () =>
        {
            if (options.Trains)
                DropDecoder();
        });
    }

    /// <summary>The parameters as products take them.</summary>
    internal IWorkingParameters Working => working;

    /// <summary>Decodes with the parameters as they are now.</summary>
    internal Decoder NewDecoder() => new(Parameters, working, model, backend, options.DecodesInEightBits);

    /// <inheritdoc/>
    public void Dispose()
    {
        DropDecoder();
        training?.Dispose();
        model.Dispose();
        accumulator.Dispose();
        working.Dispose();
        state.Dispose();
        backend.Dispose();
    }

    private void NotLoaded()
    {
        IsLoaded = false;
        frozenHash = null;
        DropDecoder();
    }

    /// <summary>Fills ranges of new values, spread over the threads.</summary>
    private void ForRanges(long length, Action<long, Span<float>> fill)
    {
        var parts = (int)((length + InitializationElements - 1) / InitializationElements);
        backend.Team.For(parts, 1, (from, to) =>
        {
            var values = new float[InitializationElements];
            for (var part = from; part < to; part++)
            {
                var start = (long)part * InitializationElements;
                fill(start, values.AsSpan(0, (int)Math.Min(InitializationElements, length - start)));
            }
        });
    }

    private string HashFrozen()
    {
        var length = Parameters.Frozen.Length;
        var hashes = new byte[StateHash.PieceCount(length) * StateHash.PieceHashBytes];
        backend.Team.For(StateHash.PieceCount(length), 1, (from, to) =>
        {
            var elements = new float[StateHash.PieceElements];
            for (var piece = from; piece < to; piece++)
            {
                var values = elements.AsSpan(0, StateHash.ElementsOfPiece(length, piece));
                working.Frozen.Read((long)piece * StateHash.PieceElements, values);
                StateHash.HashPiece(
                    values, hashes.AsSpan(piece * StateHash.PieceHashBytes, StateHash.PieceHashBytes));
            }
        });
        return StateHash.OfPieces(hashes);
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
        training = null;
        training = new Workspace(backend, Parameters, rows, true, options.Recompute);
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

using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Simulator.Oracle;

namespace Gpt2Cluster.Simulator.Workers;

/// <summary>
/// Parameters and moments of a few elements, and the buffers that gradients are folded in; the buffers are used again
/// for every step, as the real ones are.
/// </summary>
internal sealed class SimulatedReplica(TrainingModel model) : IReplicaState
{
    private readonly Dictionary<FoldBuffer, float[]> buffers = [];
    private readonly float[] gradient = new float[model.ElementCount];
    private FoldPlan plan = FoldPlan.For(new ReductionTree(1), []);
    private int foldedCount;

    /// <inheritdoc/>
    public long Length => model.ElementCount;

    /// <inheritdoc/>
    public long Step { get; private set; }

    /// <inheritdoc/>
    public bool IsLoaded { get; private set; } = true;

    /// <inheritdoc/>
    public string? FrozenHash => null;

    /// <summary>Parameters, first and second moments.</summary>
    public float[][] Parts { get; } =
        [new float[model.ElementCount], new float[model.ElementCount], new float[model.ElementCount]];

    private float[] Parameters => Parts[(int)ReplicaPart.Parameters];

    /// <summary>Draws fresh weights.</summary>
    public void Initialize()
    {
        for (var element = 0; element < model.ElementCount; element++)
            Parameters[element] = model.Initial(element);
        Parts[1].AsSpan().Clear();
        Parts[2].AsSpan().Clear();
        Loaded(0);
    }

    /// <inheritdoc/>
    public void Loaded(long step) => (Step, IsLoaded) = (step, true);

    /// <summary>Begins a step anew.</summary>
    public void BeginStep(IReadOnlyList<LeafRange> ranges)
    {
        foldedCount = 0;
        plan = FoldPlan.For(new ReductionTree(model.Specification.MicroBatchCount), ranges);
    }

    /// <summary>Goes on with the step begun last; what is finished is given again.</summary>
    public void ExtendStep(IReadOnlyList<LeafRange> ranges, Action<Subtree, float[]> contribute)
    {
        plan = FoldPlan.For(new ReductionTree(model.Specification.MicroBatchCount), ranges);
        foreach (var done in plan.Steps.Take(foldedCount).Where(step => step.IsContribution))
            contribute(done.Result, buffers[done.Target]);
    }

    /// <summary>Computes and folds the next micro-batch.</summary>
    /// <returns>Its loss.</returns>
    public double Compute(long step, int leaf, Action<Subtree, float[]> contribute)
    {
        var fold = plan.Steps[foldedCount++];
        if (fold.Leaf != leaf)
            throw new InvalidOperationException($"Leaf {leaf} comes before {fold.Leaf}.");
        model.Gradient(step, leaf, Parameters, gradient);
        foreach (var addend in fold.Addends)
            VectorSum.Add(buffers[addend], gradient, gradient);
        if (!buffers.TryGetValue(fold.Target, out var target))
            buffers.Add(fold.Target, target = new float[gradient.Length]);
        gradient.CopyTo(target, 0);
        if (fold.IsContribution)
            contribute(fold.Result, target);
        return model.Loss(step, leaf, Parameters);
    }

    /// <summary>One update, in two halves.</summary>
    /// <param name="averages">The averaged gradient.</param>
    /// <param name="step">The step.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="halfWay">Called between the halves; the device may fail there.</param>
    public void Apply(float[] averages, long step, double rate, Action halfWay)
    {
        var half = model.ElementCount / 2;
        IsLoaded = false;
        Update(0, half);
        halfWay();
        Update(half, model.ElementCount - half);
        (Step, IsLoaded) = (step, true);

        void Update(int start, int count) => TrainingModel.Update(
            Parts[0].AsSpan(start, count),
            Parts[1].AsSpan(start, count),
            Parts[2].AsSpan(start, count),
            averages.AsSpan(start, count),
            rate);
    }

    /// <summary>Goes on to a step without an update.</summary>
    public void Skip(long step) => Step = step;

    /// <summary>Sums of the losses of validation windows.</summary>
    public double ValidationLoss(long window) => model.ValidationLoss(window, Parameters);

    /// <inheritdoc/>
    public void Read(ReplicaPart part, long start, Span<float> into) =>
        Parts[(int)part].AsSpan((int)start, into.Length).CopyTo(into);

    /// <inheritdoc/>
    public void Write(ReplicaPart part, long start, ReadOnlySpan<float> from) =>
        from.CopyTo(Parts[(int)part].AsSpan((int)start));

    /// <inheritdoc/>
    public IReplicaSnapshot Snapshot() => new Copy([.. Parts.Select(part => part.ToArray())]);

    private sealed class Copy(float[][] parts) : IReplicaSnapshot
    {
        public long Length => parts[0].Length;

        public string? FrozenHash => null;

        public bool Has(ReplicaPart part) => true;

        public ReadOnlySpan<float> Read(ReplicaPart part, long start, int count) =>
            parts[(int)part].AsSpan((int)start, count);

        public void Dispose()
        {
        }
    }
}

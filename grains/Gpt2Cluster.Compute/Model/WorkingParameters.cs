using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Model;

/// <summary>
/// The parameters as products take them: the trained ones derived from their fp32 master weights, the frozen ones held
/// in nothing but this form.
/// </summary>
internal interface IWorkingParameters : IDisposable
{
    /// <summary>A block's parameters, valid until the next block is asked for.</summary>
    BlockParameters Block(int layer);

    /// <summary>Last layer norm and embeddings.</summary>
    OuterParameters Outer { get; }

    /// <summary>The frozen parameters, in the order of <see cref="ModelParameters.Frozen"/>.</summary>
    FlatTensor Frozen { get; }

    /// <summary>Rounds fp32 elements into the frozen parameters.</summary>
    void WriteFrozen(long start, ReadOnlySpan<float> from);

    /// <summary>
    /// The master weights from <paramref name="start"/> on have changed. Disjoint ranges may be refreshed at once.
    /// </summary>
    void Refresh(long start, int count);
}

/// <summary>Parameters of which all lie in the form that products take.</summary>
internal sealed class WorkingParameters : IWorkingParameters
{
    private readonly Action<long, int> refresh;
    private readonly FlatTensor trained;
    private readonly bool ownsTrained;
    private readonly FlatViews trainedViews;
    private readonly FlatViews frozenViews;
    private readonly BlockParameters[] blocks;

    private WorkingParameters(
        ModelParameters parameters, FlatTensor trained, FlatTensor frozen, bool ownsTrained, Action<long, int> refresh)
    {
        (this.trained, Frozen, this.ownsTrained, this.refresh) = (trained, frozen, ownsTrained, refresh);
        trainedViews = new FlatViews(trained, parameters.Trained.Slices);
        frozenViews = new FlatViews(frozen, parameters.Frozen.Slices);
        blocks = [.. Enumerable.Range(0, parameters.Shape.LayerCount)
            .Select(layer => new BlockParameters(Find, layer))];
        Outer = new OuterParameters(Find);
    }

    /// <inheritdoc/>
    public OuterParameters Outer { get; }

    /// <inheritdoc/>
    public FlatTensor Frozen { get; }

    /// <summary>fp32: the master weights themselves.</summary>
    public static WorkingParameters Float32(ModelParameters parameters, FlatTensor master) => new(
        parameters,
        master,
        NewFrozen(parameters, master.Memory, ScalarType.Float32),
        ownsTrained: false,
        (_, _) => { });

    /// <summary>bf16: a second flat tensor, still all zeros.</summary>
    /// <param name="parameters">The model's.</param>
    /// <param name="master">The master weights.</param>
    /// <param name="round">
    /// Rounds some elements of its first argument, fp32, into its second, bf16; arguments three and four are the first
    /// one and how many.
    /// </param>
    public static WorkingParameters BFloat16(
        ModelParameters parameters, FlatTensor master, Action<FlatTensor, FlatTensor, long, int> round)
    {
        var trained = master.Memory.Flat(master.Length, ScalarType.BFloat16);
        return new WorkingParameters(
            parameters,
            trained,
            NewFrozen(parameters, master.Memory, ScalarType.BFloat16),
            ownsTrained: true,
            (start, count) => round(master, trained, start, count));
    }

    /// <summary>Memory for the frozen parameters, the vocabulary's padding included.</summary>
    public static FlatTensor NewFrozen(ModelParameters parameters, DeviceMemory memory, ScalarType type) =>
        memory.Flat(VocabularyPadding.PaddedLength(parameters.Frozen), type);

    /// <inheritdoc/>
    public BlockParameters Block(int layer) => blocks[layer];

    /// <inheritdoc/>
    public void WriteFrozen(long start, ReadOnlySpan<float> from) => Frozen.Write(start, from);

    /// <inheritdoc/>
    public void Refresh(long start, int count) => refresh(start, count);

    /// <inheritdoc/>
    public void Dispose()
    {
        trainedViews.Dispose();
        frozenViews.Dispose();
        Frozen.Dispose();
        if (ownsTrained)
            trained.Dispose();
    }

    private Matrix? Find(ParameterId id) => trainedViews.Find(id) ?? frozenViews.Find(id);
}

/// <summary>
/// bf16 on a CPU without fast bf16 products: the values bf16 can hold, but in fp32, so that the fast fp32 products take
/// them. Trained embeddings are kept so; a trained block is rounded when it is asked for, which costs a hundredth of
/// its
/// products and saves a second copy of the model.
/// </summary>
internal sealed class RoundedParameters : IWorkingParameters
{
    private const int PartElements = 1 << 16;

    private readonly FlatTensor master;
    private readonly ParameterLayout layout;
    private readonly Devices.ThreadTeam team;
    private readonly FlatTensor outer;
    private readonly FlatTensor block;
    private readonly FlatViews frozenViews;
    private readonly FlatViews outerViews;
    private readonly FlatViews[] blockViews;
    private readonly BlockParameters[] blocks;
    private int roundedLayer = -1;

    /// <summary>Makes the copies, still all zeros.</summary>
    public RoundedParameters(ModelParameters parameters, FlatTensor master, Devices.ThreadTeam team)
    {
        (this.master, this.team, layout) = (master, team, parameters.Trained);
        Frozen = WorkingParameters.NewFrozen(parameters, master.Memory, ScalarType.Float32);
        frozenViews = new FlatViews(Frozen, parameters.Frozen.Slices);
        outer = master.Memory.Flat(master.Length - layout.OuterStart, ScalarType.Float32);
        outerViews = new FlatViews(outer, layout.Slices.Where(slice => slice.Layer < 0), layout.OuterStart);
        var (start, end) = layout.Block(0);
        block = master.Memory.Flat(end - start, ScalarType.Float32);
        var layers = Enumerable.Range(0, parameters.Shape.LayerCount);
        blockViews = [.. layers.Select(layer => new FlatViews(
            block, layout.Slices.Where(slice => slice.Layer == layer), layout.Block(layer).Start))];
        blocks = [.. layers.Select(layer => new BlockParameters(
            id => blockViews[layer].Find(id) ?? frozenViews.Find(id), layer))];
        Outer = new OuterParameters(id => outerViews.Find(id) ?? frozenViews.Find(id));
    }

    /// <inheritdoc/>
    public OuterParameters Outer { get; }

    /// <inheritdoc/>
    public FlatTensor Frozen { get; }

    /// <inheritdoc/>
    public void WriteFrozen(long start, ReadOnlySpan<float> from) =>
        Rounding.Round(from, Frozen.Buffer.Floats(start, from.Length));

    /// <inheritdoc/>
    public BlockParameters Block(int layer)
    {
        if (layer == roundedLayer)
            return blocks[layer];
        var start = layout.Block(layer).Start;
        var parts = (int)((block.Length + PartElements - 1) / PartElements);
        team.For(parts, 1, (from, to) =>
        {
            var first = (long)from * PartElements;
            var count = (int)(Math.Min(block.Length, (long)to * PartElements) - first);
            Rounding.Round(master.Buffer.Floats(start + first, count), block.Buffer.Floats(first, count));
        });
        roundedLayer = layer;
        return blocks[layer];
    }

    /// <inheritdoc/>
    public void Refresh(long start, int count)
    {
        roundedLayer = -1;
        var skipped = (int)Math.Clamp(layout.OuterStart - start, 0, count);
        var (first, rest) = (start + skipped, count - skipped);
        if (rest > 0)
            Rounding.Round(master.Buffer.Floats(first, rest), outer.Buffer.Floats(first - layout.OuterStart, rest));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var views in blockViews)
            views.Dispose();
        outerViews.Dispose();
        frozenViews.Dispose();
        block.Dispose();
        outer.Dispose();
        Frozen.Dispose();
    }
}

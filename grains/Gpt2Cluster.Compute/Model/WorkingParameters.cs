using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Model;

/// <summary>The parameters as the products see them, derived from the fp32 masters.</summary>
internal interface IWorkingParameters : IDisposable
{
    /// <summary>A block's parameters, valid until the next block is asked for.</summary>
    BlockViews Block(int layer);

    /// <summary>Last layer norm and embeddings.</summary>
    OuterViews Outer { get; }

    /// <summary>
    /// The masters from <paramref name="start"/> on have changed. Disjoint ranges may be refreshed at once.
    /// </summary>
    void Refresh(long start, int count);
}

/// <summary>fp32: the masters themselves.</summary>
internal sealed class MasterParameters(FlatTensor masters, ParameterLayout layout) : IWorkingParameters
{
    private readonly ParameterViews views = new(masters, layout);

    /// <inheritdoc/>
    public OuterViews Outer => views.Outer;

    /// <inheritdoc/>
    public BlockViews Block(int layer) => views.Blocks[layer];

    /// <inheritdoc/>
    public void Refresh(long start, int count)
    {
    }

    /// <inheritdoc/>
    public void Dispose() => views.Dispose();
}

/// <summary>bf16 on a device with fast bf16 products: a second flat tensor in bf16.</summary>
internal sealed class NarrowParameters : IWorkingParameters
{
    private readonly FlatTensor masters;
    private readonly FlatTensor narrow;
    private readonly ParameterViews views;

    /// <summary>Makes the copy, still all zeros.</summary>
    public NarrowParameters(FlatTensor masters, ParameterLayout layout)
    {
        this.masters = masters;
        narrow = new FlatTensor(masters.Length, ScalarType.BFloat16, masters.Tensor.device);
        views = new ParameterViews(narrow, layout);
    }

    /// <inheritdoc/>
    public OuterViews Outer => views.Outer;

    /// <inheritdoc/>
    public BlockViews Block(int layer) => views.Blocks[layer];

    /// <inheritdoc/>
    public void Refresh(long start, int count)
    {
        if (masters.Buffer is not null)
        {
            Rounding.Narrow(masters.Buffer.Floats(start, count), narrow.Buffer!.BFloat16Bits(start, count));
            return;
        }

        using var scope = NewDisposeScope();
        narrow.Tensor.narrow(0, start, count).copy_(masters.Tensor.narrow(0, start, count));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        views.Dispose();
        narrow.Dispose();
    }
}

/// <summary>
/// bf16 on a CPU without fast bf16 products: the values bf16 can hold, but in fp32, so that the fast fp32 products take
/// them. Embeddings are kept so; a block is rounded when it is asked for, which costs a hundredth of its products and
/// saves a second copy of the model.
/// </summary>
internal sealed class RoundedParameters : IWorkingParameters
{
    private const int PartElements = 1 << 16;

    private readonly FlatTensor masters;
    private readonly ParameterLayout layout;
    private readonly Devices.ThreadTeam team;
    private readonly long outerStart;
    private readonly FlatTensor outer;
    private readonly FlatTensor block;
    private readonly BlockViews[] views;
    private int roundedLayer = -1;

    /// <summary>Makes the copies, still all zeros.</summary>
    public RoundedParameters(FlatTensor masters, ParameterLayout layout, Devices.ThreadTeam team)
    {
        this.masters = masters;
        this.layout = layout;
        this.team = team;
        outerStart = layout["ln_f.weight"].Start;
        outer = new FlatTensor(masters.Length - outerStart, ScalarType.Float32, CPU);
        Outer = new OuterViews(outer, layout, 0);
        var (start, end) = layout.Block(0);
        block = new FlatTensor(end - start, ScalarType.Float32, CPU);
        views = [.. Enumerable.Range(0, layout.Shape.LayerCount)
            .Select(layer => new BlockViews(block, layout, layer, 0))];
    }

    /// <inheritdoc/>
    public OuterViews Outer { get; }

    /// <inheritdoc/>
    public BlockViews Block(int layer)
    {
        if (layer == roundedLayer)
            return views[layer];
        var start = layout.Block(layer).Start;
        var parts = (int)((block.Length + PartElements - 1) / PartElements);
        team.For(parts, 1, (from, to) =>
        {
            var first = (long)from * PartElements;
            var count = (int)(Math.Min(block.Length, (long)to * PartElements) - first);
            Rounding.Round(masters.Buffer!.Floats(start + first, count), block.Buffer!.Floats(first, count));
        });
        roundedLayer = layer;
        return views[layer];
    }

    /// <inheritdoc/>
    public void Refresh(long start, int count)
    {
        roundedLayer = -1;
        var skipped = (int)Math.Clamp(outerStart - start, 0, count);
        var (first, rest) = (start + skipped, count - skipped);
        if (rest > 0)
            Rounding.Round(masters.Buffer!.Floats(first, rest), outer.Buffer!.Floats(first - outerStart, rest));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var view in views)
            view.Dispose();
        Outer.Dispose();
        block.Dispose();
        outer.Dispose();
    }
}

namespace Gpt2Cluster.Core.Model;

/// <summary>One parameter inside a flat buffer.</summary>
/// <param name="Parameter">Which one, and everything else that is known of it.</param>
/// <param name="Start">Index of its first element in the flat buffer.</param>
public sealed record ParameterSlice(ParameterDescription Parameter, long Start)
{
    /// <summary>Its name in files.</summary>
    public string Name => Parameter.Name;

    /// <summary>Its dimensions.</summary>
    public IReadOnlyList<int> Dimensions => Parameter.Dimensions;

    /// <summary>The block it belongs to, or -1.</summary>
    public int Layer => Parameter.Id.Layer;

    /// <summary>How many elements it has.</summary>
    public long Length => Parameter.Length;

    /// <summary>Index of the element after its last.</summary>
    public long End => Start + Length;

    /// <summary>Whether weight decay applies.</summary>
    public bool Decays => Parameter.Decays;
}

/// <summary>Parameters one behind the other in a flat buffer, without gaps: blocks first.</summary>
public sealed class ParameterLayout
{
    private readonly Dictionary<ParameterId, ParameterSlice> byId;
    private readonly Dictionary<string, ParameterSlice> byName;

    /// <summary>Lays out all parameters of a model of the given shape.</summary>
    /// <exception cref="ArgumentException">The shape is not sound.</exception>
    public ParameterLayout(ModelShape shape)
        : this(shape, Gpt2Parameters.Describe(shape))
    {
    }

    /// <summary>Lays out some parameters of a model, in their order.</summary>
    /// <param name="shape">The model's shape.</param>
    /// <param name="parameters">Those of the blocks first, block by block; none is fine.</param>
    public ParameterLayout(ModelShape shape, IEnumerable<ParameterDescription> parameters)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(parameters);
        Shape = shape;
        var slices = new List<ParameterSlice>();
        foreach (var parameter in parameters)
        {
            slices.Add(new ParameterSlice(parameter, Length));
            Length = slices[^1].End;
        }

        Slices = slices;
        byId = slices.ToDictionary(slice => slice.Parameter.Id);
        byName = slices.ToDictionary(slice => slice.Name, StringComparer.Ordinal);
        OuterStart = slices.Find(slice => slice.Layer < 0)?.Start ?? Length;
    }

    /// <summary>The model's shape.</summary>
    public ModelShape Shape { get; }

    /// <summary>All parameters, in order, without gaps.</summary>
    public IReadOnlyList<ParameterSlice> Slices { get; }

    /// <summary>Elements in all: the parameter count.</summary>
    public long Length { get; }

    /// <summary>The first element of those outside the blocks; <see cref="Length"/> where there are none.</summary>
    public long OuterStart { get; }

    /// <summary>A parameter.</summary>
    /// <exception cref="KeyNotFoundException">It is not laid out here.</exception>
    public ParameterSlice this[ParameterId id] => byId[id];

    /// <summary>The parameter that has this name in files.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public ParameterSlice this[string name] => byName[name];

    /// <summary>A parameter; null if it is not laid out here.</summary>
    public ParameterSlice? Find(ParameterId id) => byId.GetValueOrDefault(id);

    /// <summary>
    /// The first element of block <paramref name="layer"/> and the one after its last; equal where it has none here.
    /// </summary>
    public (long Start, long End) Block(int layer)
    {
        var slices = Slices.Where(slice => slice.Layer == layer).ToList();
        return slices.Count == 0 ? (0, 0) : (slices[0].Start, slices[^1].End);
    }

    /// <summary>
    /// The parameters that lie in a range, each with the part of the range that it fills, relative to the parameter's
    /// first element and to the range's.
    /// </summary>
    /// <param name="start">The range's first element.</param>
    /// <param name="count">How many it has.</param>
    public IEnumerable<(ParameterSlice Slice, long Offset, int First, int Count)> Parts(long start, int count)
    {
        foreach (var slice in Slices)
        {
            var (first, end) = (Math.Max(start, slice.Start), Math.Min(start + count, slice.End));
            if (first < end)
                yield return (slice, first - slice.Start, (int)(first - start), (int)(end - first));
        }
    }
}

namespace Gpt2Cluster.Core.Model;

/// <summary>One tensor of the model inside the flat buffers.</summary>
/// <param name="Name">Hugging Face's name without the <c>transformer.</c> prefix, such as
/// <c>h.0.attn.c_attn.weight</c>.</param>
/// <param name="Start">Index of its first element in the flat buffer.</param>
/// <param name="Dimensions">Its dimensions; a product's weight is <c>(in, out)</c>, Conv1D's layout.</param>
/// <param name="Layer">The block it belongs to, or -1 for the embeddings and the last layer norm.</param>
public sealed record ParameterSlice(string Name, long Start, IReadOnlyList<int> Dimensions, int Layer)
{
    /// <summary>How many elements it has.</summary>
    public long Length { get; } = Dimensions.Aggregate(1L, (product, dimension) => product * dimension);

    /// <summary>Index of the element after its last.</summary>
    public long End => Start + Length;

    /// <summary>Whether weight decay applies: tensors of two or more dimensions.</summary>
    public bool Decays => Dimensions.Count >= 2;
}

/// <summary>
/// The order of all tensors in the flat buffers: blocks first, then <c>ln_f</c>, <c>wpe</c> and last <c>wte</c>, so
/// that rows that pad the vocabulary lie behind the last element and no exchange, hash or checkpoint ever sees them.
/// </summary>
public sealed class ParameterLayout
{
    private readonly Dictionary<string, ParameterSlice> byName;

    /// <summary>Lays out a model of the given shape.</summary>
    /// <exception cref="ArgumentException">The shape is not sound.</exception>
    public ParameterLayout(ModelShape shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        if (shape.Errors() is { Count: > 0 } errors)
            throw new ArgumentException(string.Join("; ", errors), nameof(shape));
        Shape = shape;
        Slices = Build(shape);
        Length = Slices[^1].End;
        byName = Slices.ToDictionary(slice => slice.Name);
    }

    /// <summary>The shape that was laid out.</summary>
    public ModelShape Shape { get; }

    /// <summary>All tensors, in order, without gaps.</summary>
    public IReadOnlyList<ParameterSlice> Slices { get; }

    /// <summary>Elements in all: the parameter count.</summary>
    public long Length { get; }

    /// <summary>The tensor of that name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public ParameterSlice this[string name] => byName[name];

    /// <summary>The first element of block <paramref name="layer"/> and the one after its last.</summary>
    public (long Start, long End) Block(int layer) =>
        (this[$"h.{layer}.ln_1.weight"].Start, this[$"h.{layer}.mlp.c_proj.bias"].End);

    private static List<ParameterSlice> Build(ModelShape shape)
    {
        var c = shape.Width;
        var slices = new List<ParameterSlice>();
        var start = 0L;
        for (var layer = 0; layer < shape.LayerCount; layer++)
        {
            Add($"h.{layer}.ln_1.weight", layer, c);
            Add($"h.{layer}.ln_1.bias", layer, c);
            Add($"h.{layer}.attn.c_attn.weight", layer, c, 3 * c);
            Add($"h.{layer}.attn.c_attn.bias", layer, 3 * c);
            Add($"h.{layer}.attn.c_proj.weight", layer, c, c);
            Add($"h.{layer}.attn.c_proj.bias", layer, c);
            Add($"h.{layer}.ln_2.weight", layer, c);
            Add($"h.{layer}.ln_2.bias", layer, c);
            Add($"h.{layer}.mlp.c_fc.weight", layer, c, 4 * c);
            Add($"h.{layer}.mlp.c_fc.bias", layer, 4 * c);
            Add($"h.{layer}.mlp.c_proj.weight", layer, 4 * c, c);
            Add($"h.{layer}.mlp.c_proj.bias", layer, c);
        }

        Add("ln_f.weight", -1, c);
        Add("ln_f.bias", -1, c);
        Add("wpe.weight", -1, shape.ContextLength, c);
        Add("wte.weight", -1, shape.VocabularySize, c);
        return slices;

        void Add(string name, int layer, params int[] dimensions)
        {
            slices.Add(new ParameterSlice(name, start, dimensions, layer));
            start = slices[^1].End;
        }
    }
}

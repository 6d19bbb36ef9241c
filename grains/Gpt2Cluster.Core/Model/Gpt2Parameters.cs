namespace Gpt2Cluster.Core.Model;

/// <summary>
/// The parameters of GPT-2 (Radford et al. 2019), in the order of the flat buffers: blocks first, then <c>ln_f</c>,
/// <c>wpe</c> and last <c>wte</c>, so that rows that pad the vocabulary lie behind the last element and no exchange,
/// hash or checkpoint ever sees them. First weights: normal with standard deviation 0.02, the two projections into the
/// residual stream divided by the root of twice the layer count, positions 0.01; biases 0, layer-norm gains 1.
/// </summary>
public static class Gpt2Parameters
{
    private const float StandardDeviation = 0.02f;
    private const float PositionStandardDeviation = 0.01f;

    /// <summary>The linear layers of a block: the roles of weight and bias, and the name in files.</summary>
    public static IReadOnlyList<(ParameterRole Weight, ParameterRole Bias, string Name)> LinearLayers { get; } =
    [
        (ParameterRole.QkvWeight, ParameterRole.QkvBias, "attn.c_attn"),
        (ParameterRole.OutWeight, ParameterRole.OutBias, "attn.c_proj"),
        (ParameterRole.UpWeight, ParameterRole.UpBias, "mlp.c_fc"),
        (ParameterRole.DownWeight, ParameterRole.DownBias, "mlp.c_proj"),
    ];

    /// <summary>All parameters of a model of the given shape.</summary>
    /// <exception cref="ArgumentException">The shape is not sound.</exception>
    public static IReadOnlyList<ParameterDescription> Describe(ModelShape shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        if (shape.Errors() is { Count: > 0 } errors)
            throw new ArgumentException(string.Join("; ", errors), nameof(shape));
        var c = shape.Width;
        return
        [
            .. Enumerable.Range(0, shape.LayerCount).SelectMany(layer => Block(shape, layer)),
            Vector(-1, ParameterRole.FinalNormGain, "ln_f.weight", c, 1),
            Vector(-1, ParameterRole.FinalNormBias, "ln_f.bias", c, 0),
            Matrix(
                -1, ParameterRole.PositionEmbedding, "wpe.weight", [shape.ContextLength, c], PositionStandardDeviation),
            Matrix(-1, ParameterRole.TokenEmbedding, "wte.weight", [shape.VocabularySize, c], StandardDeviation),
        ];
    }

    /// <summary>Inputs and outputs of a linear layer's weight.</summary>
    public static (int Inputs, int Outputs) SizeOf(ModelShape shape, ParameterRole weight)
    {
        ArgumentNullException.ThrowIfNull(shape);
        var c = shape.Width;
        return weight switch
        {
            ParameterRole.QkvWeight => (c, 3 * c),
            ParameterRole.OutWeight => (c, c),
            ParameterRole.UpWeight => (c, 4 * c),
            ParameterRole.DownWeight => (4 * c, c),
            _ => throw new ArgumentOutOfRangeException(nameof(weight), weight, "It is no linear layer's weight."),
        };
    }

    private static IEnumerable<ParameterDescription> Block(ModelShape shape, int layer)
    {
        var c = shape.Width;
        var prefix = $"h.{layer}";
        var intoResidual = (float)(StandardDeviation / Math.Sqrt(2.0 * shape.LayerCount));
        return
        [
            Vector(layer, ParameterRole.Norm1Gain, $"{prefix}.ln_1.weight", c, 1),
            Vector(layer, ParameterRole.Norm1Bias, $"{prefix}.ln_1.bias", c, 0),
            Matrix(layer, ParameterRole.QkvWeight, $"{prefix}.attn.c_attn.weight", [c, 3 * c], StandardDeviation),
            Vector(layer, ParameterRole.QkvBias, $"{prefix}.attn.c_attn.bias", 3 * c, 0),
            Matrix(layer, ParameterRole.OutWeight, $"{prefix}.attn.c_proj.weight", [c, c], intoResidual),
            Vector(layer, ParameterRole.OutBias, $"{prefix}.attn.c_proj.bias", c, 0),
            Vector(layer, ParameterRole.Norm2Gain, $"{prefix}.ln_2.weight", c, 1),
            Vector(layer, ParameterRole.Norm2Bias, $"{prefix}.ln_2.bias", c, 0),
            Matrix(layer, ParameterRole.UpWeight, $"{prefix}.mlp.c_fc.weight", [c, 4 * c], StandardDeviation),
            Vector(layer, ParameterRole.UpBias, $"{prefix}.mlp.c_fc.bias", 4 * c, 0),
            Matrix(layer, ParameterRole.DownWeight, $"{prefix}.mlp.c_proj.weight", [4 * c, c], intoResidual),
            Vector(layer, ParameterRole.DownBias, $"{prefix}.mlp.c_proj.bias", c, 0),
        ];
    }

    private static ParameterDescription Vector(int layer, ParameterRole role, string name, int length, float value) =>
        new(new ParameterId(layer, role), name, [length], new Initialization(Distribution.Constant, value));

    private static ParameterDescription Matrix(
        int layer, ParameterRole role, string name, int[] dimensions, float deviation) =>
        new(
            new ParameterId(layer, role),
            name,
            dimensions,
            new Initialization(Distribution.Normal, deviation, PlaceOf(role)));

    private static int PlaceOf(ParameterRole role) => role switch
    {
        ParameterRole.TokenEmbedding => 0,
        ParameterRole.PositionEmbedding => 1,
        ParameterRole.QkvWeight => 2,
        ParameterRole.OutWeight => 3,
        ParameterRole.UpWeight => 4,
        _ => 5,
    };
}

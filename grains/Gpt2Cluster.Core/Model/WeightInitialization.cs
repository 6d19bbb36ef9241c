using Gpt2Cluster.Core.Randomness;

namespace Gpt2Cluster.Core.Model;

/// <summary>
/// The first weights of a model made from scratch (Radford et al. 2019): normal with standard deviation 0.02, the two
/// projections into the residual stream divided by the root of twice the layer count, positions 0.01; biases 0,
/// layer-norm weights 1. A weight is a function of seed and position alone, so any range can be made by itself.
/// </summary>
public static class WeightInitialization
{
    private const float StandardDeviation = 0.02f;
    private const float PositionStandardDeviation = 0.01f;

    /// <summary>Writes the first weights of the elements from <paramref name="start"/> on.</summary>
    /// <param name="layout">The order of the tensors.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="start">Index of the first element in the flat buffer.</param>
    /// <param name="into">Filled.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the layout.</exception>
    public static void Fill(ParameterLayout layout, ulong seed, long start, Span<float> into)
    {
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + into.Length, layout.Length, nameof(start));
        foreach (var slice in layout.Slices)
        {
            var first = Math.Max(start, slice.Start);
            var end = Math.Min(start + into.Length, slice.End);
            if (first >= end)
                continue;
            var part = into[(int)(first - start)..(int)(end - start)];
            FillSlice(layout.Shape, slice, seed, first - slice.Start, part);
        }
    }

    private static void FillSlice(
        ModelShape shape, ParameterSlice slice, ulong seed, long offset, Span<float> into)
    {
        if (!slice.Decays)
        {
            into.Fill(slice.Name.EndsWith(".bias", StringComparison.Ordinal) ? 0 : 1);
            return;
        }

        var stream = new RandomStream(seed, RandomPurpose.Weights, layer: slice.Layer, place: Place(slice.Name));
        NormalDistribution.Fill(stream, into, offset, DeviationOf(shape, slice.Name));
    }

    private static float DeviationOf(ModelShape shape, string name)
    {
        if (name == "wpe.weight")
            return PositionStandardDeviation;
        var intoResidual = name.EndsWith("c_proj.weight", StringComparison.Ordinal);
        return intoResidual ? (float)(StandardDeviation / Math.Sqrt(2.0 * shape.LayerCount)) : StandardDeviation;
    }

    private static int Place(string name) => name switch
    {
        "wte.weight" => 0,
        "wpe.weight" => 1,
        _ when name.EndsWith("attn.c_attn.weight", StringComparison.Ordinal) => 2,
        _ when name.EndsWith("attn.c_proj.weight", StringComparison.Ordinal) => 3,
        _ when name.EndsWith("mlp.c_fc.weight", StringComparison.Ordinal) => 4,
        _ => 5,
    };
}

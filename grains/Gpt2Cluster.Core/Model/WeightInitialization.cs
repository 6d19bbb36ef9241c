using Gpt2Cluster.Core.Randomness;

namespace Gpt2Cluster.Core.Model;

/// <summary>
/// The first values of parameters, as their descriptions say. A value is a function of seed and parameter and place in
/// it alone, so any range can be made by itself.
/// </summary>
public static class WeightInitialization
{
    /// <summary>Writes the first values of the elements from <paramref name="start"/> on.</summary>
    /// <param name="layout">The order of the parameters.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="start">Index of the first element in the flat buffer.</param>
    /// <param name="into">Filled.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the layout.</exception>
    public static void Fill(ParameterLayout layout, ulong seed, long start, Span<float> into)
    {
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + into.Length, layout.Length, nameof(start));
        foreach (var (slice, offset, first, count) in layout.Parts(start, into.Length))
            Fill(slice.Parameter, seed, offset, into.Slice(first, count));
    }

    private static void Fill(ParameterDescription parameter, ulong seed, long offset, Span<float> into)
    {
        var (distribution, value, place) = parameter.Initial;
        var purpose = parameter.Id.Factor == AdapterFactor.None ? RandomPurpose.Weights : RandomPurpose.Adapters;
        var stream = new RandomStream(seed, purpose, layer: parameter.Id.Layer, place: place);
        switch (distribution)
        {
            case Distribution.Constant:
                into.Fill(value);
                break;
            case Distribution.Normal:
                NormalDistribution.Fill(stream, into, offset, value);
                break;
            default:
                for (var index = 0; index < into.Length; index++)
                    into[index] = ((2 * stream.Unit(offset + index)) - 1) * value;
                break;
        }
    }
}

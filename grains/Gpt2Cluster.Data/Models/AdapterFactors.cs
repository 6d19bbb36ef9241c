using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Models.Exports;

namespace Gpt2Cluster.Data.Models;

/// <summary>The factors of adapters, to be added to the weights that they belong to.</summary>
/// <param name="scale">What multiplies the addition: alpha / R.</param>
internal sealed class AdapterFactors(double scale)
{
    private readonly Dictionary<ParameterId, float[]> factors = [];

    /// <summary>Those of adapters, all of them.</summary>
    public static AdapterFactors Of(AdapterWeights adapter)
    {
        var factors = new AdapterFactors(adapter.Options.Scale);
        foreach (var slice in adapter.Layout.Slices)
        {
            var factor = new float[slice.Length];
            adapter.Read(slice.Start, factor);
            factors.Add(slice.Parameter.Id, factor);
        }

        return factors;
    }

    /// <summary>Takes a factor.</summary>
    public void Add(ParameterId id, float[] factor) => factors.Add(id, factor);

    /// <summary>Adds what belongs to a range of a parameter; nothing where it has no adapter.</summary>
    /// <param name="slice">The parameter.</param>
    /// <param name="offset">Index of the first element within it.</param>
    /// <param name="part">The elements.</param>
    public void AddTo(ParameterSlice slice, long offset, Span<float> part)
    {
        var id = slice.Parameter.Id;
        if (!factors.TryGetValue(id with { Factor = AdapterFactor.A }, out var a))
            return;
        var b = factors[id with { Factor = AdapterFactor.B }];
        AdapterMerge.Add(part, offset, slice.Dimensions[^1], a, b, scale);
    }
}

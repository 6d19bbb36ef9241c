namespace Gpt2Cluster.Core.Model;

/// <summary>
/// Adapters made part of the weights they are added to (Hu et al. 2021, section 4.1): <c>W + alpha / R A^T B^T</c>, in
/// fp32, the products summed over R in order.
/// </summary>
public static class AdapterMerge
{
    /// <summary>Adds a layer's addition to a range of its weight.</summary>
    /// <param name="weight">Elements of the weight, (inputs, outputs) row-major.</param>
    /// <param name="start">Index of the first of them within the weight.</param>
    /// <param name="outputs">Columns of the weight.</param>
    /// <param name="a">All of A, (R, inputs).</param>
    /// <param name="b">All of B, (outputs, R).</param>
    /// <param name="scale">alpha / R.</param>
    public static void Add(
        Span<float> weight, long start, int outputs, ReadOnlySpan<float> a, ReadOnlySpan<float> b, double scale)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputs);
        var rank = b.Length / outputs;
        var inputs = a.Length / rank;
        var factors = new float[rank];
        for (var index = 0; index < weight.Length;)
        {
            var (input, output) = Math.DivRem(start + index, outputs);
            var count = (int)Math.Min(outputs - output, weight.Length - index);
            for (var r = 0; r < rank; r++)
                factors[r] = (float)scale * a[(int)((r * (long)inputs) + input)];
            for (var column = 0; column < count; column++)
            {
                var row = b.Slice((int)(output + column) * rank, rank);
                weight[index + column] += Dot(factors, row);
            }

            index += count;
        }
    }

    /// <summary>One order of additions whatever the machine, as all weights that are ever shown have one.</summary>
    private static float Dot(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        var sum = 0f;
        for (var index = 0; index < left.Length; index++)
            sum += left[index] * right[index];
        return sum;
    }
}

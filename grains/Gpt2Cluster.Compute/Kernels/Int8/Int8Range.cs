namespace Gpt2Cluster.Compute.Kernels.Int8;

/// <summary>How far integers reach, so that no sum of products leaves 32 bits, in whatever order it is made.</summary>
internal static class Int8Range
{
    /// <summary>Weights are -127 to 127.</summary>
    public const int MostWeight = sbyte.MaxValue;

    /// <summary>Of the inputs' integers: K products of the largest ones together fit 32 bits.</summary>
    /// <param name="inputs">K, 1 or more.</param>
    public static int MostInput(int inputs) => Math.Min(short.MaxValue, int.MaxValue / MostWeight / inputs);
}

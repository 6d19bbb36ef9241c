using CsCheck;

namespace Gpt2Cluster.Data.Tests;

/// <summary>Generators that draw from a list.</summary>
internal static class Choice
{
    public static Gen<T> Of<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(index => values[index]);
}

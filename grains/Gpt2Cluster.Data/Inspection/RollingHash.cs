namespace Gpt2Cluster.Data.Inspection;

/// <summary>
/// The hash of a sequence of tokens that is a polynomial in an odd number, modulo 2^64: Karp and Rabin, "Efficient
/// randomized pattern-matching algorithms" (1987). Whoever takes two sequences of one hash for equal compares them.
/// </summary>
internal static class RollingHash
{
    /// <summary>The polynomial's argument.</summary>
    public const ulong Base = 0x9E3779B97F4A7C15;

    /// <summary>The hash with one more token.</summary>
    public static ulong Append(ulong hash, ushort token) => (hash * Base) + token + 1;

    /// <summary>What a token of an n-gram counts when the next one comes, that is <c>Base^n</c>.</summary>
    public static ulong WeightBehind(int gramTokens)
    {
        var weight = 1UL;
        for (var index = 0; index < gramTokens; index++)
            weight *= Base;
        return weight;
    }

    /// <summary>Spreads the bits: the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).</summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}

namespace Gpt2Cluster.Core.Windows;

/// <summary>
/// A permutation of <c>0 .. Count - 1</c> that is computed element by element: the swap-or-not shuffle of Hoang, Morris
/// and Rogaway ("An Enciphering Scheme Based on a Card Shuffle", CRYPTO 2012). It needs no memory and works for any
/// count.
/// </summary>
/// <remarks>
/// Each round pairs every position with its mirror image around a pivot and swaps the pair or not, by one bit that both
/// agree on; so each round is a permutation, and so is the whole.
/// </remarks>
public readonly struct KeyedPermutation
{
    // A shuffle of n elements mixes well after about 6 log2(n) rounds: enough for 2^21 windows, and more than enough
    // beyond
    // for an order that only has to look random. The number fixes the bits of every run.
    private const int RoundCount = 128;

    private const ulong Golden = 0x9E3779B97F4A7C15;

    private readonly ulong key;

    /// <summary>Makes the permutation of one epoch.</summary>
    /// <param name="count">Elements, 1 or more.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="epoch">The pass over the data, from 0.</param>
    /// <param name="source">Of a mixture the source, from 0: each has permutations of its own.</param>
    public KeyedPermutation(long count, ulong seed, long epoch, int source = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(source);
        Count = count;

        // The first source's is that of a run with one dataset: 0 is mixed to 0.
        key = Mix(Mix(seed + Golden) ^ (ulong)epoch ^ Mix((ulong)source * Golden));
    }

    /// <summary>How many elements there are.</summary>
    public long Count { get; }

    /// <summary>The element at a position, 0 to <see cref="Count"/> - 1.</summary>
    public long this[long position]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(position);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(position, Count);
            var element = (ulong)position;
            for (var round = 0; round < RoundCount; round++)
                element = SwapOrNot(element, round);
            return (long)element;
        }
    }

    private ulong SwapOrNot(ulong element, int round)
    {
        var count = (ulong)Count;
        var roundKey = Mix(key + ((ulong)(round + 1) * Golden));
        var pivot = Math.BigMul(roundKey, count, out _);
        var mirrored = pivot >= element ? pivot - element : pivot + count - element;
        var swaps = (Mix(roundKey ^ Mix(Math.Max(element, mirrored))) & 1) != 0;
        return swaps ? mirrored : element;
    }

    // The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}

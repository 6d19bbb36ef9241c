namespace Gpt2Cluster.Fuzz.Mutations;

/// <summary>
/// The choices of one mutation: SplitMix64 (Steele, Lea, Flood 2014), so that seed and index give the same input on
/// every machine and in every version of .NET.
/// </summary>
internal sealed class MutationRandom
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private ulong state;

    /// <summary>The choices of one input.</summary>
    /// <param name="seed">The campaign's seed.</param>
    /// <param name="index">The input's number.</param>
    public MutationRandom(ulong seed, long index)
    {
        state = seed * Golden;
        state = Next() ^ (ulong)index;
    }

    /// <summary>64 bits.</summary>
    public ulong Next()
    {
        var mixed = state += Golden;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>A number from 0 to <paramref name="count"/> - 1; 0 where there is none.</summary>
    public int Below(int count) => count <= 1 ? 0 : (int)Math.BigMul(Next(), (ulong)count, out _);

    /// <summary>True once in so many times.</summary>
    public bool OneIn(int times) => Below(times) == 0;

    /// <summary>One of several.</summary>
    public T Of<T>(IReadOnlyList<T> choices) => choices[Below(choices.Count)];

    /// <summary>A number that is mostly small: each power of two is as likely as the next.</summary>
    public int Small(int most)
    {
        var bits = Below(32 - int.LeadingZeroCount(Math.Max(1, most)) + 1);
        return Math.Min(most, Below(1 << Math.Min(bits, 30)) + 1);
    }
}

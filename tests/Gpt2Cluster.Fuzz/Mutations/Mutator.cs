namespace Gpt2Cluster.Fuzz.Mutations;

/// <summary>
/// Makes the inputs of one parser: a seed with some edits, by the campaign's seed and the input's number alone.
/// </summary>
internal sealed class Mutator
{
    /// <summary>Longest input.</summary>
    public const int LongestBytes = 1 << 20;

    private const int MostEdits = 5;

    private readonly IReadOnlyList<Seed> seeds;
    private readonly IReadOnlyList<Edit> edits;
    private readonly Action<byte[]>? repair;

    /// <summary>A parser's.</summary>
    /// <param name="seeds">Sound files.</param>
    /// <param name="words">The format's words; none for one without.</param>
    /// <param name="repair">Makes checksums right again, so that what is behind them is reached.</param>
    public Mutator(IReadOnlyList<Seed> seeds, IEnumerable<string> words, Action<byte[]>? repair = null)
    {
        this.seeds = seeds;
        this.repair = repair;
        edits = [.. ByteEdits.All, .. new WordEdits(words).All, Splice];
    }

    /// <summary>One input.</summary>
    /// <param name="seed">The campaign's seed.</param>
    /// <param name="index">Its number, from 0.</param>
    public byte[] Make(ulong seed, long index)
    {
        var random = new MutationRandom(seed, index);
        var bytes = random.Of(seeds).Damaged(whole => Damaged(whole, random), random);
        if (bytes.Length > LongestBytes)
            bytes = bytes[..LongestBytes];
        if (repair is not null && random.OneIn(2))
            repair(bytes);
        return bytes;
    }

    private byte[] Damaged(byte[] bytes, MutationRandom random)
    {
        for (var count = random.Small(MostEdits); count > 0 && bytes.Length is > 0 and <= LongestBytes; count--)
            bytes = random.Of(edits)(bytes, random);
        return bytes;
    }

    /// <summary>The beginning of one file and the end of another, or the same.</summary>
    private byte[] Splice(byte[] bytes, MutationRandom random)
    {
        var other = random.Of(seeds).Bytes;
        return [.. bytes.AsSpan(0, random.Below(bytes.Length + 1)), .. other.AsSpan(random.Below(other.Length + 1))];
    }
}

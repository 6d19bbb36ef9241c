using System.Text;

namespace Gpt2Cluster.Fuzz.Mutations;

/// <summary>Ways to damage a text by the words of its format: what a lexer lets through reaches the parser.</summary>
internal sealed class WordEdits
{
    private static readonly byte[][] Numbers =
    [
        .. new[]
        {
            "0", "-1", "1", "2", "65", "255", "65535", "65536", "2147483647", "2147483648", "-2147483649",
            "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551616", "1e400", "1e-400",
            "-0", "0.5", "00", "1E9", "99999999999999999999999999",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    private readonly byte[][] words;

    /// <summary>Edits by some words.</summary>
    /// <param name="words">The format's.</param>
    public WordEdits(IEnumerable<string> words)
    {
        this.words = [.. words.Select(Encoding.UTF8.GetBytes)];
        All = this.words.Length == 0 ? [] : [PutWord, PutWord, Replace, Replace, Number, Repeat, RemoveWord];
    }

    /// <summary>All of them.</summary>
    public IReadOnlyList<Edit> All { get; }

    private byte[] PutWord(byte[] bytes, MutationRandom random) =>
        ByteEdits.Inserted(bytes, random.Of(words), random);

    /// <summary>A word that stands there becomes another.</summary>
    private byte[] Replace(byte[] bytes, MutationRandom random)
    {
        var (place, length) = Find(bytes, random);
        return [.. bytes.AsSpan(0, place), .. random.Of(words), .. bytes.AsSpan(place + length)];
    }

    private byte[] RemoveWord(byte[] bytes, MutationRandom random)
    {
        var (place, length) = Find(bytes, random);
        return [.. bytes.AsSpan(0, place), .. bytes.AsSpan(place + length)];
    }

    /// <summary>Digits that stand there become a boundary.</summary>
    private static byte[] Number(byte[] bytes, MutationRandom random)
    {
        var from = random.Below(bytes.Length);
        var start = bytes.AsSpan(from).IndexOfAnyInRange((byte)'0', (byte)'9');
        if (start < 0)
            return bytes;
        start += from;
        var length = bytes.AsSpan(start).IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        var end = length < 0 ? bytes.Length : start + length;
        return [.. bytes.AsSpan(0, start), .. random.Of(Numbers), .. bytes.AsSpan(end)];
    }

    /// <summary>A word many times over: deep nesting, endless lists.</summary>
    private byte[] Repeat(byte[] bytes, MutationRandom random)
    {
        var word = random.Of(words);
        var most = random.Below(100) switch
        {
            0 => (Mutator.LongestBytes - bytes.Length) / Math.Max(1, word.Length),
            < 10 => 4096,
            < 40 => 256,
            _ => 16,
        };
        var count = Math.Clamp(random.Small(Math.Max(1, most)), 1, Mutator.LongestBytes / Math.Max(1, word.Length));
        var flood = new byte[count * word.Length];
        for (var i = 0; i < count; i++)
            word.CopyTo(flood.AsSpan(i * word.Length));
        return ByteEdits.Inserted(bytes, flood, random);
    }

    private (int Place, int Length) Find(byte[] bytes, MutationRandom random)
    {
        var word = random.Of(words);
        var from = random.Below(bytes.Length);
        var place = bytes.AsSpan(from).IndexOf(word);
        return place < 0 ? (from, 0) : (from + place, word.Length);
    }
}

using System.Text;
using CsCheck;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Tokens;

/// <summary>Both scanners cut as the plain one does.</summary>
public sealed class PreTokenizingTests
{
    [Fact]
    public void The_scanner_equals_the_plain_one() => MixedTexts.Any.Sample(
        text =>
        {
            for (var rest = text.AsSpan(); !rest.IsEmpty; rest = rest[PlainScanner.Next(rest)..])
            {
                if (PreTokenScanner.Next(rest) != PlainScanner.Next(rest))
                    return false;
            }

            return true;
        },
        iter: 20_000);

    [Fact]
    public void Every_character_has_the_plain_ones_class()
    {
        for (var value = 0; value <= 0x10FFFF; value++)
        {
            if (!Rune.IsValid(value))
                continue;
            // What follows a letter, a number, a space and a mark tells the class.
            foreach (var before in "a1\t!")
            {
                var text = Encoding.UTF8.GetBytes($"{before}{new Rune(value)}{before}");
                Assert.True(PlainScanner.Next(text) == PreTokenScanner.Next(text), $"U+{value:X4} behind '{before}'");
            }
        }
    }

    // Whatever follows the window, the plain scanner cuts where the window says, and nowhere else before its last
    // start.
    [Fact]
    public void A_window_equals_the_plain_scanner_whatever_follows() => Gen.Select(
        MixedTexts.Any, MixedTexts.Any, MixedTexts.Any).Sample(
        (text, behind, otherwise) =>
        {
            var window = new byte[PreTokenWindow.Bytes];
            for (var i = 0; i < window.Length; i++)
                window[i] = text.Length == 0 ? (byte)' ' : text[i % text.Length];
            var starts = PreTokenWindow.Starts(ref window[0]);
            return Cuts(window, starts, behind) && Cuts(window, starts, otherwise);
        },
        iter: 20_000);

    [Fact]
    public void A_window_of_plain_words_leaves_little_over()
    {
        var text = Encoding.ASCII.GetBytes("It's what they'll say: 12 men, 3 of them\n\n    were late (as ever).");
        var starts = PreTokenWindow.Starts(ref text[0]);
        var pieces = new List<string>();
        var start = 0;
        for (var end = 1; end < PreTokenWindow.Bytes; end++)
        {
            if ((starts >> end & 1) == 0)
                continue;
            pieces.Add(Encoding.ASCII.GetString(text[start..end]));
            start = end;
        }

        Assert.Equal(
            ["It", "'s", " what", " they", "'ll", " say", ":", " 12", " men", ",", " 3", " of", " them", "\n\n   ",
                " were", " late", " (", "as"],
            pieces);
    }

    private static bool Cuts(byte[] window, ulong starts, byte[] behind)
    {
        byte[] text = [.. window, .. behind];
        ulong plain = 0;
        for (var i = 0; i < window.Length; i += PlainScanner.Next(text.AsSpan(i)))
            plain |= 1UL << i;
        var known = starts == 0 ? 0 : ulong.MaxValue >> System.Numerics.BitOperations.LeadingZeroCount(starts);
        return (plain & known) == starts;
    }
}

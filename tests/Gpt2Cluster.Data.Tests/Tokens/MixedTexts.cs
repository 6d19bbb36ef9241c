using System.Text;
using CsCheck;

namespace Gpt2Cluster.Data.Tests.Tokens;

/// <summary>Random texts that look for the corners of GPT-2's pattern.</summary>
internal static class MixedTexts
{
    private static readonly Gen<string> Words = Choice.Of(
        "'s", "'re", "'ll", "'ve", "'d", "'", "''", "'t's", " ", "  ", "\n", "\r\n", "\t", "\n    ", " 'm", "the",
        " the", "Hello", "l", "e", "v", "r", "42", " 7", "_", "(", ");", "==", " --", "//", "é", " ü", "\u00a0",
        "\u2009", "\u3000", "\u0085", "中文", "ж", " Ж", "²", "Ⅷ", "🙂", " 𝒜", "𝟘", "\u0301",
        "\u001c", "\0", "<|endoftext|>");

    private static readonly Gen<string> Characters = Gen.Frequency(
        (8, Gen.Char[' ', '~'].Select(value => value.ToString())),
        (1, Gen.Int[0, 0x10FFFF].Where(Rune.IsValid).Select(value => new Rune(value).ToString())));

    /// <summary>Code and prose, of which most is ASCII and some is any character, up to some 300 bytes.</summary>
    public static readonly Gen<byte[]> Text = Gen.Frequency(
        (3, Words.Array[0, 80]),
        (2, Characters.Array[0, 150]),
        (2, Gen.Select(Choice.Of("a", " ", "=", "ab", "\n", "é", " x", "7", "'s"), Gen.Int[1, 150], Words.Array[0, 9])
            .Select((run, count, words) => (string[])[.. words, .. Enumerable.Repeat(run, count), .. words])))
        .Select(words => Encoding.UTF8.GetBytes(string.Concat(words)));

    /// <summary>The same, and bytes that are no UTF-8.</summary>
    public static readonly Gen<byte[]> Any = Gen.Frequency(
        (6, Text),
        (1, Gen.Byte.Array[0, 150]),
        (1, Gen.Select(Text, Gen.Int[0, 300], Gen.Byte).Select(Spoilt)));

    private static byte[] Spoilt(byte[] text, int place, byte value)
    {
        var spoilt = text.ToArray();
        if (place < spoilt.Length)
            spoilt[place] = value;
        return spoilt;
    }
}

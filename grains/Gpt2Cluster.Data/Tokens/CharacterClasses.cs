using System.Buffers;
using System.Globalization;
using System.Text;

namespace Gpt2Cluster.Data.Tokens;

/// <summary>What a character is to GPT-2's pattern.</summary>
internal enum CharacterClass : byte
{
    /// <summary><c>[^\s\p{L}\p{N}]</c>, and any byte that is no UTF-8.</summary>
    Other,

    /// <summary><c>\p{L}</c>.</summary>
    Letter,

    /// <summary><c>\p{N}</c>.</summary>
    Number,

    /// <summary><c>\s</c>: Unicode's White_Space.</summary>
    Space,
}

/// <summary>The class of the characters of UTF-8 text. Characters of the basic plane are looked up in 64 KiB.</summary>
internal static class CharacterClasses
{
    private const int BasicPlane = 0x10000;
    private static readonly CharacterClass[] Basic =
        [.. Enumerable.Range(0, BasicPlane).Select(value => Rune.IsValid(value) ? Of(new Rune(value)) : default)];

    /// <summary>The class of the character at a byte of the text, and its length in bytes.</summary>
    public static CharacterClass At(ReadOnlySpan<byte> text, int index, out int width)
    {
        var value = text[index];
        width = 1;
        if (value < 0x80)
            return Basic[value];
        if (value is >= 0xC2 and < 0xE0 && index + 1 < text.Length && IsContinuation(text[index + 1]))
        {
            width = 2;
            return Basic[((value & 0x1F) << 6) | (text[index + 1] & 0x3F)];
        }

        // E0 and ED restrict the byte behind them; they are left to the decoder.
        if (value is > 0xE0 and < 0xF0 and not 0xED && index + 2 < text.Length && IsContinuation(text[index + 1])
            && IsContinuation(text[index + 2]))
        {
            width = 3;
            return Basic[((value & 0xF) << 12) | ((text[index + 1] & 0x3F) << 6) | (text[index + 2] & 0x3F)];
        }

        return Rune.DecodeFromUtf8(text[index..], out var rune, out width) == OperationStatus.Done
            ? Of(rune)
            : CharacterClass.Other;
    }

    private static bool IsContinuation(byte value) => (value & 0xC0) == 0x80;

    private static CharacterClass Of(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => CharacterClass.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber
            or UnicodeCategory.OtherNumber => CharacterClass.Number,
        _ => Rune.IsWhiteSpace(rune) ? CharacterClass.Space : CharacterClass.Other,
    };
}

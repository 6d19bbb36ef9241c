using System.Buffers;
using System.Globalization;
using System.Text;

namespace Gpt2Cluster.Data.Tests.Tokens;

/// <summary>
/// The dumb twin of <c>PreTokenScanner</c> and <c>PreTokenWindow</c>: one character at a time, each decoded and
/// classified by .NET's own tables.
/// </summary>
internal static class PlainScanner
{
    private static readonly CharacterClass[] Ascii = [.. Enumerable.Range(0, 128).Select(c => Classify(new Rune(c)))];

    private enum CharacterClass : byte
    {
        Other,
        Letter,
        Number,
        Space,
    }

    /// <summary>
    /// Length in bytes of the piece at the start of <paramref name="text"/>, which must not be empty.
    /// </summary>
    public static int Next(ReadOnlySpan<byte> text)
    {
        if (text[0] == '\'' && Contraction(text) is var contraction and > 0)
            return contraction;
        var first = ClassAt(text, 0, out var width);
        if (text[0] == ' ' && text.Length > 1 && ClassAt(text, 1, out var nextWidth) is var next
            && next != CharacterClass.Space)
            return RunEnd(text, 1 + nextWidth, next);
        return first == CharacterClass.Space ? SpaceEnd(text) : RunEnd(text, width, first);
    }

    private static int Contraction(ReadOnlySpan<byte> text)
    {
        if (text.Length >= 2 && text[1] is (byte)'s' or (byte)'t' or (byte)'m' or (byte)'d')
            return 2;
        var rest = text[1..];
        return rest.StartsWith("re"u8) || rest.StartsWith("ve"u8) || rest.StartsWith("ll"u8) ? 3 : 0;
    }

    private static int RunEnd(ReadOnlySpan<byte> text, int index, CharacterClass run)
    {
        while (index < text.Length && ClassAt(text, index, out var width) == run)
            index += width;
        return index;
    }

    // \s+(?!\S): of spaces before a word the last one is left, for " ?" of the next piece or a piece of its own.
    private static int SpaceEnd(ReadOnlySpan<byte> text)
    {
        var end = 0;
        var last = 0;
        while (end < text.Length && ClassAt(text, end, out var width) == CharacterClass.Space)
        {
            last = end;
            end += width;
        }

        return end == text.Length || last == 0 ? end : last;
    }

    private static CharacterClass ClassAt(ReadOnlySpan<byte> text, int index, out int width)
    {
        var value = text[index];
        if (value < 128)
        {
            width = 1;
            return Ascii[value];
        }

        // A byte that is no UTF-8 counts as a mark of its own.
        return Rune.DecodeFromUtf8(text[index..], out var rune, out width) == OperationStatus.Done
            ? Classify(rune)
            : CharacterClass.Other;
    }

    private static CharacterClass Classify(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => CharacterClass.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber
            or UnicodeCategory.OtherNumber => CharacterClass.Number,
        _ => Rune.IsWhiteSpace(rune) ? CharacterClass.Space : CharacterClass.Other,
    };
}

namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// Cuts text into the pieces that tokens never cross, as the pattern of OpenAI's encoder.py does:
/// <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>. It reads UTF-8 by code points;
/// .NET's regular expressions read UTF-16 units and take letters outside the basic plane for punctuation. One piece at
/// a time and any text; <see cref="PreTokenWindow"/> finds the pieces of plain ASCII by the dozen.
/// </summary>
internal static class PreTokenScanner
{
    /// <summary>
    /// Bytes that must lie behind a piece to know that more text would not lengthen it: two code points.
    /// </summary>
    public const int LookaheadBytes = 8;

    /// <summary>
    /// Length in bytes of the piece at the start of <paramref name="text"/>, which must not be empty.
    /// </summary>
    public static int Next(ReadOnlySpan<byte> text)
    {
        if (text[0] == '\'' && Contraction(text) is var contraction and > 0)
            return contraction;
        var first = CharacterClasses.At(text, 0, out var width);
        if (text[0] == ' ' && text.Length > 1 && CharacterClasses.At(text, 1, out var nextWidth) is var next
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
        while (index < text.Length && CharacterClasses.At(text, index, out var width) == run)
            index += width;
        return index;
    }

    // \s+(?!\S): of spaces before a word the last one is left, for " ?" of the next piece or a piece of its own.
    private static int SpaceEnd(ReadOnlySpan<byte> text)
    {
        var end = 0;
        var last = 0;
        while (end < text.Length && CharacterClasses.At(text, end, out var width) == CharacterClass.Space)
        {
            last = end;
            end += width;
        }

        return end == text.Length || last == 0 ? end : last;
    }
}

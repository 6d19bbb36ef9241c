using System.Buffers;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// The first row of a table, held as it stands until it is whole: before that nobody knows what parts its columns. A
/// line <c>sep=;</c> in front of it, as Excel writes, names the delimiter.
/// </summary>
internal sealed class CsvHeader
{
    private readonly ArrayBufferWriter<byte> lines = new();
    private bool isQuoted;
    private bool hasContent;

    private static ReadOnlySpan<byte> Separator => "sep="u8;

    /// <summary>Whether it is whole.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>What parts the columns, if the file says so itself.</summary>
    public byte? Delimiter { get; private set; }

    /// <summary>Bytes held.</summary>
    public int Bytes => lines.WrittenCount;

    /// <summary>The row and the blank lines before it, with its line's end.</summary>
    public ReadOnlySpan<byte> Lines => lines.WrittenSpan;

    /// <summary>Takes bytes up to its end.</summary>
    /// <returns>How many.</returns>
    public int Take(ReadOnlySpan<byte> piece)
    {
        for (var i = 0; i < piece.Length; i++)
        {
            var value = piece[i];
            lines.GetSpan(1)[0] = value;
            lines.Advance(1);
            if (value == '"')
                isQuoted = !isQuoted;
            hasContent |= value != '\n';
            if (value != '\n' || isQuoted || !hasContent || IsSeparator())
                continue;
            IsWhole = true;
            return i + 1;
        }

        return piece.Length;
    }

    /// <summary>Lets go of it; it stays whole.</summary>
    public void Clear()
    {
        lines.Clear();
        IsWhole = true;
    }

    private bool IsSeparator()
    {
        if (Delimiter is not null || lines.WrittenSpan is not [_, _, _, _, var named, (byte)'\n']
            || !lines.WrittenSpan.StartsWith(Separator))
            return false;
        Delimiter = named;
        lines.ResetWrittenCount();
        hasContent = false;
        return true;
    }
}

using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>
/// Finds <c>&lt;|endoftext|&gt;</c> in text. Where it stands alone on a line, that line and the blank lines around it
/// go with it; anywhere else only the word goes. Spaces and tabs may stand around it on its line; a blank line has
/// nothing else.
/// </summary>
internal sealed class EndOfTextSplitter(ITextSink next)
{
    // released <= blanksStart <= position <= count: bytes passed on, bytes that may be passed on, blank lines that
    // may have to go, bytes not looked at.
    private byte[] buffer = new byte[64 << 10];
    private int released;
    private int blanksStart;
    private int position;
    private int count;
    private bool inLine;
    private bool afterWord;

    private static ReadOnlySpan<byte> Word => "<|endoftext|>"u8;

    /// <summary>Takes the next piece, which may end anywhere.</summary>
    public void Text(ReadOnlySpan<byte> utf8)
    {
        Hold(utf8);
        Scan(final: false);
    }

    /// <summary>Ends the document and makes ready for the next.</summary>
    public void EndDocument()
    {
        Scan(final: true);
        Release(count);
        (released, blanksStart, position, count) = (0, 0, 0, 0);
        (inLine, afterWord) = (false, false);
        next.EndDocument();
    }

    private void Scan(bool final)
    {
        while (position < count && (inLine ? ScanInLine(final) : ScanLineStart(final)))
        {
        }

        Release(blanksStart);
    }

    private bool ScanLineStart(bool final)
    {
        var line = buffer.AsSpan(position, count - position);
        var indent = line.IndexOfAnyExcept((byte)' ', (byte)'\t');
        if (indent < 0)
            return final && TakeBlank(line.Length);
        var rest = line[indent..];
        if (rest[0] == '\n')
            return TakeBlank(indent + 1);
        if (rest.StartsWith(Word))
        {
            var behind = rest[Word.Length..];
            var gap = behind.IndexOfAnyExcept((byte)' ', (byte)'\t');
            if (gap < 0 && !final)
                return false;
            if (gap < 0 || behind[gap] == '\n')
                return TakeWordLine(line.Length - behind.Length + (gap < 0 ? behind.Length : gap + 1));
        }
        else if (!final && rest.Length < Word.Length && Word.StartsWith(rest))
        {
            return false;
        }

        inLine = true;
        afterWord = false;
        blanksStart = position;
        return true;
    }

    private bool ScanInLine(bool final)
    {
        var rest = buffer.AsSpan(position, count - position);
        var place = rest.IndexOfAny((byte)'\n', (byte)'<');
        if (place < 0)
            return Advance(rest.Length);
        if (rest[place] == '\n')
        {
            inLine = false;
            return Advance(place + 1);
        }

        var candidate = rest[place..];
        if (candidate.StartsWith(Word))
        {
            Release(position + place);
            next.EndOfText();
            Drop(position + place + Word.Length);
            return true;
        }

        if (!final && candidate.Length < Word.Length && Word.StartsWith(candidate))
        {
            Advance(place);
            return false;
        }

        return Advance(place + 1);
    }

    private bool Advance(int length)
    {
        position += length;
        blanksStart = position;
        return true;
    }

    private bool TakeBlank(int length)
    {
        position += length;
        if (afterWord)
            Drop(position);
        return true;
    }

    private bool TakeWordLine(int length)
    {
        var end = position + length;
        Release(blanksStart);
        next.EndOfText();
        Drop(end);
        afterWord = true;
        return true;
    }

    private void Drop(int end) => (released, blanksStart, position) = (end, end, end);

    private void Release(int end)
    {
        if (end > released)
            next.Text(buffer.AsSpan(released, end - released));
        released = end;
        blanksStart = Math.Max(blanksStart, end);
    }

    private void Hold(ReadOnlySpan<byte> utf8)
    {
        buffer.AsSpan(released, count - released).CopyTo(buffer);
        (blanksStart, position, count) = (blanksStart - released, position - released, count - released);
        released = 0;
        if (count > Gpt2Tokenizer.LongestPieceBytes)
            throw Gpt2Tokenizer.TooLong();
        if (count + utf8.Length > buffer.Length)
            Array.Resize(ref buffer, Math.Max(2 * buffer.Length, count + utf8.Length));
        utf8.CopyTo(buffer.AsSpan(count));
        count += utf8.Length;
    }
}

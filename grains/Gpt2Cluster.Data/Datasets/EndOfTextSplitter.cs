using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>
/// Finds <c>&lt;|endoftext|&gt;</c> in text. Where it stands alone on a line, that line and the blank lines around it
/// go with it; anywhere else only the word goes. Spaces and tabs may stand around it on its line; a blank line has
/// nothing else. Holds what may have to go: as many blank lines as there are, whose bytes it looks at once.
/// </summary>
internal sealed class EndOfTextSplitter(IMarkedTextSink next) : ITextSink
{
    // released <= blanksStart <= position <= count: bytes passed on, bytes that may be passed on, blank lines that
    // may have to go, bytes not looked at.
    private byte[] buffer = new byte[64 << 10];
    private int released;
    private int blanksStart;
    private int position;
    private int count;

    // Of the line at the position: how many blanks it is known to begin with, and how many stand behind its word.
    private int indentSeen;
    private int gapSeen;
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
        (indentSeen, gapSeen) = (0, 0);
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
        var indent = Blanks(line, ref indentSeen);
        if (indent < 0)
            return final && TakeBlank(line.Length);
        var rest = line[indent..];
        if (rest[0] == '\n')
        {
            var run = rest.IndexOfAnyExcept((byte)'\n');
            return TakeBlank(indent + (run < 0 ? rest.Length : run));
        }

        if (rest.StartsWith(Word))
        {
            var behind = rest[Word.Length..];
            var gap = Blanks(behind, ref gapSeen);
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
        (indentSeen, gapSeen) = (0, 0);
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

    // -1 if there is nothing but blanks; a run that goes on with the next piece is not looked at again.
    private static int Blanks(ReadOnlySpan<byte> line, ref int seen)
    {
        var length = line[seen..].IndexOfAnyExcept((byte)' ', (byte)'\t');
        seen = length < 0 ? line.Length : seen + length;
        return length < 0 ? length : seen;
    }

    private bool TakeBlank(int length)
    {
        position += length;
        indentSeen = 0;
        if (afterWord)
            Drop(position);
        return true;
    }

    private bool TakeWordLine(int length)
    {
        var end = position + length;
        (indentSeen, gapSeen) = (0, 0);
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
        if (released > 0)
            buffer.AsSpan(released, count - released).CopyTo(buffer);
        (blanksStart, position, count) = (blanksStart - released, position - released, count - released);
        released = 0;
        if (utf8.Length > Array.MaxLength - count)
            throw new UserErrorException(
                $"A text has more than {Array.MaxLength >> 20} MiB of blank lines; take them out.");
        if (count + utf8.Length > buffer.Length)
            Array.Resize(ref buffer, (int)Math.Clamp(2L * buffer.Length, count + utf8.Length, Array.MaxLength));
        utf8.CopyTo(buffer.AsSpan(count));
        count += utf8.Length;
    }
}

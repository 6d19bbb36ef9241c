namespace Gpt2Cluster.Data.Datasets;

/// <summary>
/// Drops a byte-order mark and turns CRLF and CR into LF, as Python does when it reads text.
/// </summary>
internal sealed class TextCleaner(ITextSink next)
{
    private readonly byte[] start = new byte[3];
    private int startCount;
    private bool started;
    private bool returnHeld;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>Code points passed on so far, which Python's <c>len()</c> counts.</summary>
    public long CharacterCount { get; private set; }

    /// <summary>Takes the next piece, which may end anywhere.</summary>
    public void Text(ReadOnlySpan<byte> utf8)
    {
        while (!started && !utf8.IsEmpty)
        {
            start[startCount++] = utf8[0];
            utf8 = utf8[1..];
            if (!ByteOrderMark.StartsWith(start.AsSpan(0, startCount)))
                Start();
            else if (startCount == ByteOrderMark.Length)
                started = true;
        }

        Clean(utf8);
    }

    /// <summary>Ends the document and makes ready for the next.</summary>
    public void EndDocument()
    {
        if (!started)
            Start();
        if (returnHeld)
            Pass("\n"u8);
        (startCount, started, returnHeld) = (0, false, false);
        next.EndDocument();
    }

    private void Start()
    {
        started = true;
        Clean(start.AsSpan(0, startCount));
    }

    private void Clean(ReadOnlySpan<byte> utf8)
    {
        if (returnHeld && !utf8.IsEmpty)
        {
            returnHeld = false;
            if (utf8[0] != '\n')
                Pass("\n"u8);
        }

        while (utf8.IndexOf((byte)'\r') is >= 0 and var place)
        {
            Pass(utf8[..place]);
            utf8 = utf8[(place + 1)..];
            if (utf8.IsEmpty)
                returnHeld = true;
            else if (utf8[0] != '\n')
                Pass("\n"u8);
        }

        Pass(utf8);
    }

    private void Pass(ReadOnlySpan<byte> utf8)
    {
        if (utf8.IsEmpty)
            return;
        foreach (var value in utf8)
        {
            if ((value & 0xC0) != 0x80)
                CharacterCount++;
        }

        next.Text(utf8);
    }
}

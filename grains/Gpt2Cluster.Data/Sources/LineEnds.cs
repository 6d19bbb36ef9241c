namespace Gpt2Cluster.Data.Sources;

/// <summary>Turns CRLF and CR into LF in text that comes in pieces.</summary>
internal sealed class LineEnds
{
    private byte[] buffer = [];
    private bool returnHeld;

    /// <summary>The next piece with its lines' ends changed, valid until the next call.</summary>
    public ReadOnlySpan<byte> Normalize(ReadOnlySpan<byte> piece)
    {
        if (!returnHeld && !piece.Contains((byte)'\r'))
            return piece;
        if (buffer.Length <= piece.Length)
            buffer = new byte[piece.Length + 1];
        var count = 0;
        if (returnHeld && piece is not [(byte)'\n', ..])
            buffer[count++] = (byte)'\n';
        returnHeld = piece is [.., (byte)'\r'];
        if (returnHeld)
            piece = piece[..^1];
        while (piece.IndexOf((byte)'\r') is >= 0 and var place)
        {
            piece[..place].CopyTo(buffer.AsSpan(count));
            count += place;
            piece = piece[(place + 1)..];
            if (piece is not [(byte)'\n', ..])
                buffer[count++] = (byte)'\n';
        }

        piece.CopyTo(buffer.AsSpan(count));
        return buffer.AsSpan(0, count + piece.Length);
    }

    /// <summary>What is left when the text ends: a line's end at most.</summary>
    public ReadOnlySpan<byte> Finish()
    {
        var last = returnHeld ? "\n"u8 : [];
        returnHeld = false;
        return last;
    }
}

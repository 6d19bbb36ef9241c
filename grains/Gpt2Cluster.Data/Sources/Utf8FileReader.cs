using System.Buffers;
using System.Text;
using System.Text.Unicode;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>Reads a text file in pieces that end between characters, and refuses what is no UTF-8 text.</summary>
internal sealed class Utf8FileReader : IDisposable
{
    private const int PieceBytes = 64 << 10;

    private readonly string path;
    private readonly FileStream file;
    private readonly byte[] buffer = new byte[PieceBytes];
    private long offset;
    private int tailStart;
    private int tailEnd;

    /// <exception cref="UserErrorException">The file cannot be opened.</exception>
    public Utf8FileReader(string path)
    {
        this.path = path;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path} cannot be read ({error.Message}).", error);
        }
    }

    /// <summary>The next piece, valid until the next call; empty at the end of the file.</summary>
    /// <exception cref="UserErrorException">A byte is no UTF-8 (its offset is named), or the file is
    /// binary.</exception>
    public ReadOnlyMemory<byte> Next()
    {
        var carried = tailEnd - tailStart;
        buffer.AsSpan(tailStart, carried).CopyTo(buffer);
        var free = buffer.AsSpan(carried);
        var filled = carried + file.ReadAtLeast(free, free.Length, throwOnEndOfStream: false);
        var whole = filled < buffer.Length ? filled : filled - IncompleteBytes(buffer.AsSpan(0, filled));
        Check(buffer.AsSpan(0, whole));
        offset += whole;
        (tailStart, tailEnd) = (whole, filled);
        return buffer.AsMemory(0, whole);
    }

    public void Dispose() => file.Dispose();

    private void Check(ReadOnlySpan<byte> piece)
    {
        if (piece.IndexOf((byte)0) is >= 0 and var zero)
            throw new UserErrorException($"{path} is binary, not text: byte {offset + zero} is zero; "
                + "give a UTF-8 text, .npz, .jsonl or .csv.");
        if (Utf8.IsValid(piece))
            return;
        var place = 0;
        while (Rune.DecodeFromUtf8(piece[place..], out _, out var width) == OperationStatus.Done)
            place += width;
        throw new UserErrorException($"{path} is not UTF-8: the byte at offset {offset + place} "
            + $"(0x{piece[place]:X2}) begins no character; convert the file to UTF-8.");
    }

    // Bytes at the end that begin a character and lack its rest; anything else is left to the check.
    private static int IncompleteBytes(ReadOnlySpan<byte> bytes)
    {
        for (var back = 1; back <= Math.Min(3, bytes.Length); back++)
        {
            var value = bytes[^back];
            if (value < 0x80)
                return 0;
            if (value >= 0xC0)
                return back < (value >= 0xF0 ? 4 : value >= 0xE0 ? 3 : 2) ? back : 0;
        }

        return 0;
    }
}

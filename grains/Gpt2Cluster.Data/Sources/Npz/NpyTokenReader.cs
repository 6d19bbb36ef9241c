using System.Buffers.Binary;
using System.IO.Compression;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources.Npz;

/// <summary>Reads the elements of one npy array as tokens and checks each.</summary>
internal sealed class NpyTokenReader : IDisposable
{
    private const int PieceTokens = 16 << 10;

    private readonly string path;
    private readonly NpzArray array;
    private readonly int tokenCount;
    private readonly Stream stream;
    private readonly NpyHeader header;
    private readonly byte[] bytes;
    private readonly ushort[] tokens = new ushort[PieceTokens];
    private long index;

    public NpyTokenReader(string path, NpzArray array, ZipArchiveEntry entry, int tokenCount)
    {
        this.path = path;
        this.array = array;
        this.tokenCount = tokenCount;
        stream = entry.Open();
        header = NpyHeader.Read(stream);
        bytes = new byte[PieceTokens * header.ElementBytes];
    }

    /// <summary>The next piece; empty after the last.</summary>
    public ReadOnlyMemory<ushort> Next()
    {
        var count = (int)Math.Min(PieceTokens, header.Length - index);
        var wanted = bytes.AsSpan(0, count * header.ElementBytes);
        if (Read(wanted) < wanted.Length)
            throw new UserErrorException($"Array {array.Name} of {path} is cut short; encode the text again.");
        if (count == 0 && Read(bytes.AsSpan(0, 1)) != 0)
            throw new UserErrorException(
                $"Array {array.Name} of {path} is longer than it says; encode the text again.");
        for (var i = 0; i < count; i++)
            tokens[i] = Token(wanted[(i * header.ElementBytes)..], index + i);
        index += count;
        return tokens.AsMemory(0, count);
    }

    public void Dispose() => stream.Dispose();

    private int Read(Span<byte> into)
    {
        try
        {
            return stream.ReadAtLeast(into, into.Length, throwOnEndOfStream: false);
        }
        catch (InvalidDataException error)
        {
            throw new UserErrorException($"Array {array.Name} of {path} is damaged; encode the text again.", error);
        }
    }

    private ushort Token(ReadOnlySpan<byte> element, long at)
    {
        var value = (header.ElementBytes, header.Signed) switch
        {
            (1, false) => element[0],
            (1, true) => (sbyte)element[0],
            (2, false) => BinaryPrimitives.ReadUInt16LittleEndian(element),
            (2, true) => BinaryPrimitives.ReadInt16LittleEndian(element),
            (4, false) => BinaryPrimitives.ReadUInt32LittleEndian(element),
            (4, true) => BinaryPrimitives.ReadInt32LittleEndian(element),
            // An unsigned value beyond int64 shows as negative, which is refused all the same.
            _ => BinaryPrimitives.ReadInt64LittleEndian(element),
        };
        return value >= 0 && value < tokenCount
            ? (ushort)value
            : throw new UserErrorException($"Array {array.Name} of {path} holds {value} at index {at}; "
                + $"tokens are 0 to {tokenCount - 1}.");
    }
}

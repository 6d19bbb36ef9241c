using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;

namespace Gpt2Cluster.Data.Sources.Npz;

/// <summary>
/// Writes a <c>.npz</c> in the layout of <c>np.savez_compressed(out, *chunks)</c>: <c>arr_0</c>, <c>arr_1</c>, ...,
/// each int64 in one dimension. Tokens are taken in pieces.
/// </summary>
public sealed class NpzWriter(Stream output) : IDisposable
{
    private const int PieceTokens = 16 << 10;

    private readonly ZipArchive archive = new(output, ZipArchiveMode.Create, leaveOpen: true);
    private readonly long[] widened = new long[PieceTokens];
    private Stream? array;
    private int arrayCount;
    private long missing;

    /// <summary>Begins the next array; exactly <paramref name="length"/> tokens must follow.</summary>
    public void BeginArray(long length)
    {
        EndArray();
        var name = string.Create(CultureInfo.InvariantCulture, $"arr_{arrayCount++}.npy");
        array = archive.CreateEntry(name, CompressionLevel.Fastest).Open();
        array.Write(NpyHeader.WriteInt64(length));
        missing = length;
    }

    /// <summary>Appends tokens to the array.</summary>
    /// <exception cref="InvalidOperationException">There is no array, or it is full.</exception>
    public void Write(ReadOnlySpan<ushort> tokens)
    {
        if (array is null || tokens.Length > missing)
            throw new InvalidOperationException($"the array takes {missing} more tokens, not {tokens.Length}");
        missing -= tokens.Length;
        while (!tokens.IsEmpty)
        {
            var count = Math.Min(tokens.Length, PieceTokens);
            for (var i = 0; i < count; i++)
                widened[i] = tokens[i];
            array.Write(MemoryMarshal.AsBytes(widened.AsSpan(0, count)));
            tokens = tokens[count..];
        }
    }

    /// <summary>Ends the last array and the file; the stream stays open.</summary>
    /// <exception cref="InvalidOperationException">The last array lacks tokens.</exception>
    public void Complete()
    {
        EndArray();
        archive.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        array?.Dispose();
        array = null;
        archive.Dispose();
    }

    private void EndArray()
    {
        if (missing != 0)
            throw new InvalidOperationException($"the array lacks {missing} tokens");
        array?.Dispose();
        array = null;
    }
}

using System.Runtime.InteropServices;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.Safetensors;

namespace Gpt2Cluster.Data.Models;

/// <summary>
/// The <c>model.safetensors</c> that the store keeps of a model, as <see cref="ModelFolderWriter"/> writes it, made
/// while it is read: a model need not be written to a disk before it is hashed or sent.
/// </summary>
/// <param name="model">The model; stays open.</param>
internal sealed class WeightsStream(IModelReader model) : Stream
{
    private const int PieceElements = 1 << 18;

    private readonly byte[] header = HeaderOf(model);
    private readonly float[] piece = new float[(int)Math.Min(PieceElements, model.Layout.Length)];
    private long position;
    private long pieceStart = -1;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => true;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => header.Length + model.Layout.Length * sizeof(float);

    /// <inheritdoc/>
    public override long Position
    {
        get => position;
        set => position = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value));
    }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        var from = position < header.Length ? header.AsSpan((int)position) : Elements(position - header.Length);
        var count = Math.Min(from.Length, buffer.Length);
        from[..count].CopyTo(buffer);
        position += count;
        return count;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => position + offset,
        _ => Length + offset,
    };

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private static byte[] HeaderOf(IModelReader model)
    {
        using var header = new MemoryStream();
        _ = new SafetensorsWriter(
            header, model.Layout.Slices.Select(slice => (ModelFolder.NamePrefix + slice.Name, slice.Dimensions)));
        return header.ToArray();
    }

    /// <summary>The bytes from one on, as far as the piece of elements that holds it goes.</summary>
    private ReadOnlySpan<byte> Elements(long offset)
    {
        var start = offset / sizeof(float) / piece.Length * piece.Length;
        var count = (int)Math.Min(piece.Length, model.Layout.Length - start);
        if (count <= 0)
            return default;
        if (start != pieceStart)
        {
            model.ReadParameters(start, piece.AsSpan(0, count));
            pieceStart = start;
        }

        return MemoryMarshal.AsBytes(piece.AsSpan(0, count))[(int)(offset - start * sizeof(float))..];
    }
}

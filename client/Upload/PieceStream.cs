using Gpt2Cluster.Contracts.Datasets;

namespace Gpt2Cluster.Client.Upload;

/// <summary>A stream that hands what is written to it on in pieces of <see cref="Piece.MaximumBytes"/>.</summary>
/// <param name="send">Takes a piece; returns when it is there.</param>
internal sealed class PieceStream(Action<Piece> send) : Stream
{
    private readonly MemoryStream pending = new(Piece.MaximumBytes);
    private long index;

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var part = buffer[..(int)Math.Min(buffer.Length, Piece.MaximumBytes - pending.Length)];
            pending.Write(part);
            buffer = buffer[part.Length..];
            if (pending.Length == Piece.MaximumBytes)
                Send();
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Hands on what is left.</summary>
    public void Complete()
    {
        if (pending.Length > 0 || index == 0)
            Send();
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        // Pieces are full but for the last one.
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    private void Send()
    {
        send(new Piece(index++, pending.ToArray()));
        pending.SetLength(0);
    }
}

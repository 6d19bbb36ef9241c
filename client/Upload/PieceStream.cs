using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Data.Storage;

namespace Gpt2Cluster.Client.Upload;

/// <summary>A stream that hands what is written to it on in pieces of <see cref="Piece.MaximumBytes"/>.</summary>
/// <param name="send">Takes a piece; returns when it is there.</param>
internal sealed class PieceStream(Action<Piece> send) : WriteOnlyStream
{
    private readonly MemoryStream pending = new(Piece.MaximumBytes);
    private long index;

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

    /// <summary>Hands on what is left.</summary>
    public void Complete()
    {
        if (pending.Length > 0 || index == 0)
            Send();
    }

    private void Send()
    {
        send(new Piece(index++, pending.ToArray()));
        pending.SetLength(0);
    }
}

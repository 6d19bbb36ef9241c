using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>
/// Reads a bundle that comes in pieces cut anywhere, and passes its documents on as they come. Holds one frame at most.
/// Everything is checked: a bundle is what a client says.
/// </summary>
public sealed class BundleParser(IDocumentSink sink)
{
    private readonly byte[] held = new byte[BundleFormat.HeadBytes + BundleFormat.LongestPayloadBytes];
    private int heldCount;
    private bool begun;
    private bool inDocument;
    private bool ended;
    private long documentCount;

    /// <summary>Bytes taken so far.</summary>
    public long Bytes { get; private set; }

    /// <summary>Takes the next piece.</summary>
    /// <exception cref="InvalidDataException">The bytes are no bundle.</exception>
    public void Append(ReadOnlySpan<byte> piece)
    {
        Bytes += piece.Length;
        while (!piece.IsEmpty)
        {
            if (ended)
                throw new InvalidDataException("something follows the end of the bundle");
            var wanted = Math.Min(NeededBytes() - heldCount, piece.Length);
            piece[..wanted].CopyTo(held.AsSpan(heldCount));
            heldCount += wanted;
            piece = piece[wanted..];
            TakeWhole();
        }
    }

    /// <summary>Checks that the bundle is whole.</summary>
    /// <exception cref="InvalidDataException">It is cut short.</exception>
    public void Complete()
    {
        if (!ended)
            throw new InvalidDataException($"the bundle is cut short after {Bytes} bytes");
    }

    /// <summary>Passes on a whole bundle.</summary>
    /// <exception cref="InvalidDataException">It is no bundle, or cut short.</exception>
    public static void Read(Stream bundle, IDocumentSink sink)
    {
        ArgumentNullException.ThrowIfNull(bundle);
        var parser = new BundleParser(sink);
        var buffer = new byte[BundleFormat.LongestPayloadBytes];
        while (bundle.Read(buffer) is > 0 and var count)
            parser.Append(buffer.AsSpan(0, count));
        parser.Complete();
    }

    // First the magic or a head, then, when the head is there, the payload too.
    private int NeededBytes()
    {
        if (!begun)
            return BundleFormat.Magic.Length;
        if (heldCount < BundleFormat.HeadBytes)
            return BundleFormat.HeadBytes;
        var length = BinaryPrimitives.ReadInt32LittleEndian(held.AsSpan(1));
        return length is >= 0 and <= BundleFormat.LongestPayloadBytes
            ? BundleFormat.HeadBytes + length
            : throw new InvalidDataException($"a frame of the bundle claims {length} bytes");
    }

    private void TakeWhole()
    {
        if (heldCount < NeededBytes())
            return;
        var bytes = held.AsSpan(0, heldCount);
        if (!begun)
        {
            if (!bytes.SequenceEqual(BundleFormat.Magic))
                throw new InvalidDataException("the bytes do not begin as a bundle");
            begun = true;
        }
        else
        {
            TakeFrame((BundleFormat.FrameKind)bytes[0], bytes[BundleFormat.HeadBytes..]);
        }

        heldCount = 0;
    }

    private void TakeFrame(BundleFormat.FrameKind kind, ReadOnlySpan<byte> payload)
    {
        var outside = kind is BundleFormat.FrameKind.BeginDocument or BundleFormat.FrameKind.End;
        if (outside == inDocument)
            throw new InvalidDataException($"a frame {kind} stands where none may be");
        switch (kind)
        {
            case BundleFormat.FrameKind.BeginDocument:
                inDocument = true;
                documentCount++;
                sink.BeginDocument(Encoding.UTF8.GetString(payload));
                break;
            case BundleFormat.FrameKind.Text:
                sink.Text(payload);
                break;
            case BundleFormat.FrameKind.Tokens:
                TakeTokens(payload);
                break;
            case BundleFormat.FrameKind.EndArray:
                sink.EndArray();
                break;
            case BundleFormat.FrameKind.EndDocument:
                inDocument = false;
                sink.EndDocument();
                break;
            case BundleFormat.FrameKind.End:
                TakeEnd(payload);
                break;
            default:
                throw new InvalidDataException($"the bundle has a frame of the unknown kind {(byte)kind}");
        }
    }

    private void TakeTokens(ReadOnlySpan<byte> payload)
    {
        var tokens = MemoryMarshal.Cast<byte, ushort>(payload);
        const ushort Last = Gpt2Vocabulary.EndOfText;
        if (payload.Length % sizeof(ushort) != 0 || tokens.ContainsAnyExceptInRange((ushort)0, Last))
            throw new InvalidDataException("the bundle has a number that is no token");
        sink.Tokens(tokens);
    }

    private void TakeEnd(ReadOnlySpan<byte> payload)
    {
        if (payload.Length != sizeof(long) || BinaryPrimitives.ReadInt64LittleEndian(payload) != documentCount)
            throw new InvalidDataException("the bundle's count of documents is wrong");
        ended = true;
    }
}

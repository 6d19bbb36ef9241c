using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Gpt2Cluster.Data.Sources;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>Writes documents as a bundle, the byte stream that <see cref="BundleParser"/> reads.</summary>
public sealed class BundleWriter : IDocumentSink
{
    private const int LongestNameCharacters = 4096;

    private readonly Stream output;
    private long documentCount;

    /// <summary>Begins a bundle.</summary>
    /// <param name="output">Where to; stays open.</param>
    public BundleWriter(Stream output)
    {
        ArgumentNullException.ThrowIfNull(output);
        this.output = output;
        output.Write(BundleFormat.Magic);
    }

    /// <inheritdoc/>
    public void BeginDocument(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var end = name.Length <= LongestNameCharacters ? name : name[^LongestNameCharacters..];
        Frame(BundleFormat.FrameKind.BeginDocument, Encoding.UTF8.GetBytes(end));
        documentCount++;
    }

    /// <inheritdoc/>
    public void Text(ReadOnlySpan<byte> utf8) => Frames(BundleFormat.FrameKind.Text, utf8);

    /// <inheritdoc/>
    public void Tokens(ReadOnlySpan<ushort> tokens) =>
        Frames(BundleFormat.FrameKind.Tokens, MemoryMarshal.AsBytes(tokens));

    /// <inheritdoc/>
    public void EndArray() => Frame(BundleFormat.FrameKind.EndArray, []);

    /// <inheritdoc/>
    public void EndDocument() => Frame(BundleFormat.FrameKind.EndDocument, []);

    /// <summary>Ends the bundle.</summary>
    public void Complete()
    {
        Span<byte> count = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(count, documentCount);
        Frame(BundleFormat.FrameKind.End, count);
        output.Flush();
    }

    private void Frames(BundleFormat.FrameKind kind, ReadOnlySpan<byte> payload)
    {
        while (!payload.IsEmpty)
        {
            var length = Math.Min(payload.Length, BundleFormat.LongestPayloadBytes);
            Frame(kind, payload[..length]);
            payload = payload[length..];
        }
    }

    private void Frame(BundleFormat.FrameKind kind, ReadOnlySpan<byte> payload)
    {
        Span<byte> head = stackalloc byte[BundleFormat.HeadBytes];
        head[0] = (byte)kind;
        BinaryPrimitives.WriteInt32LittleEndian(head[1..], payload.Length);
        output.Write(head);
        output.Write(payload);
    }
}

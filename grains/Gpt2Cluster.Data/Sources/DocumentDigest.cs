using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// The SHA-256 by which documents are known again: of their content and their ends, not of their names, nor of the
/// pieces they come in. Passes everything on. Documents are chained, <c>chain = SHA-256(chain, SHA-256(document))</c>,
/// so that the state between two of them is 32 bytes and can be gone back to.
/// </summary>
/// <param name="next">Takes what comes; null for nobody.</param>
public sealed class DocumentDigest(IDocumentSink? next = null) : IDocumentSink, IDisposable
{
    private const int MarkBytes = 1 + sizeof(long);

    private readonly IncrementalHash document = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[] chain = new byte[SHA256.HashSizeInBytes];
    private long length;

    /// <summary>Of all documents that ended, in order, as lower-case hexadecimal.</summary>
    public string Sha256 => Convert.ToHexStringLower(chain);

    /// <summary>What is kept of the documents that ended.</summary>
    public ReadOnlyMemory<byte> State => chain;

    /// <summary>Forgets all documents that came since, the open one too.</summary>
    /// <param name="state">A <see cref="State"/> of before.</param>
    public void GoBackTo(ReadOnlyMemory<byte> state)
    {
        chain = state.ToArray();
        document.GetHashAndReset();
        length = 0;
    }

    /// <inheritdoc/>
    public void BeginDocument(string name) => next?.BeginDocument(name);

    /// <inheritdoc/>
    public void Text(ReadOnlySpan<byte> utf8)
    {
        Append(utf8);
        next?.Text(utf8);
    }

    /// <inheritdoc/>
    public void EndOfText()
    {
        Mark('E');
        next?.EndOfText();
    }

    /// <inheritdoc/>
    public void Tokens(ReadOnlySpan<ushort> tokens)
    {
        Append(MemoryMarshal.AsBytes(tokens));
        next?.Tokens(tokens);
    }

    /// <inheritdoc/>
    public void EndArray()
    {
        Mark('A');
        next?.EndArray();
    }

    /// <inheritdoc/>
    public void EndDocument()
    {
        Mark('D');
        chain = SHA256.HashData([.. chain, .. document.GetHashAndReset()]);
        next?.EndDocument();
    }

    /// <inheritdoc/>
    public void Dispose() => document.Dispose();

    private void Append(ReadOnlySpan<byte> bytes)
    {
        document.AppendData(bytes);
        length += bytes.Length;
    }

    // Behind what it ends, with its length: read from the end, no two sequences of content and ends are the same bytes.
    private void Mark(char kind)
    {
        Span<byte> mark = stackalloc byte[MarkBytes];
        mark[0] = (byte)kind;
        BinaryPrimitives.WriteInt64LittleEndian(mark[1..], length);
        document.AppendData(mark);
        length = 0;
    }
}

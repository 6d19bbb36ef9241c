using System.Buffers.Binary;
using System.Text;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>What a frame of a reader process says.</summary>
internal enum FrameKind : byte
{
    /// <summary>A document begins; its name.</summary>
    BeginDocument = 1,

    /// <summary>More of its text.</summary>
    Text = 2,

    /// <summary>It ends.</summary>
    EndDocument = 3,

    /// <summary>The file is read.</summary>
    Done = 4,

    /// <summary>The file cannot be used; the sentence for the user.</summary>
    Fault = 5,

    /// <summary>The file holds no text: what it is, a line feed, and the remedy.</summary>
    NoText = 6,

    /// <summary>A sentence on what is left out of the file.</summary>
    Warning = 7,
}

/// <summary>
/// Documents as bytes: frames of a kind (1 byte), a length (int32, little endian) and that much UTF-8.
/// </summary>
/// <param name="output">Where to.</param>
internal sealed class DocumentFrameWriter(Stream output) : IDocumentSink
{
    /// <summary>Longest text of a frame.</summary>
    public const int LongestBytes = 64 << 10;

    /// <summary>Bytes in front of it.</summary>
    public const int HeadBytes = 1 + sizeof(int);

    private readonly byte[] head = new byte[HeadBytes];

    /// <inheritdoc/>
    public void BeginDocument(string name) => Write(FrameKind.BeginDocument, name);

    /// <inheritdoc/>
    public void Text(ReadOnlySpan<byte> utf8)
    {
        while (!utf8.IsEmpty)
        {
            var piece = utf8[..Math.Min(utf8.Length, LongestBytes)];
            Write(FrameKind.Text, piece);
            utf8 = utf8[piece.Length..];
        }
    }

    /// <inheritdoc/>
    public void EndDocument() => Write(FrameKind.EndDocument, []);

    /// <inheritdoc/>
    public void EndOfText() => throw new NotSupportedException("no document of these kinds ends with the token");

    /// <inheritdoc/>
    public void Tokens(ReadOnlySpan<ushort> tokens) => throw new NotSupportedException("documents are texts");

    /// <inheritdoc/>
    public void EndArray() => throw new NotSupportedException("documents are texts");

    /// <summary>Writes a frame of a sentence or a name, cut where it is too long.</summary>
    public void Write(FrameKind kind, string words)
    {
        var bytes = Encoding.UTF8.GetBytes(words);
        Write(kind, bytes.AsSpan(0, Math.Min(bytes.Length, LongestBytes)));
        output.Flush();
    }

    private void Write(FrameKind kind, ReadOnlySpan<byte> text)
    {
        head[0] = (byte)kind;
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(1), text.Length);
        output.Write(head);
        output.Write(text);
    }
}

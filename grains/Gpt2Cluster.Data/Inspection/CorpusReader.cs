using System.Runtime.InteropServices;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Inspection;

/// <summary>
/// Takes documents, lets a <see cref="DatasetTokenizer"/> make tokens of them as a run does, and counts and keeps the
/// tokens. A document is a stretch of tokens between ends of text, whatever files they come from.
/// </summary>
internal sealed class CorpusReader : IDocumentSink, IDisposable
{
    private const int PieceTokens = 1 << 16;

    private readonly TokenStore store;
    private readonly FileSpans files;
    private readonly TokenTraits traits;
    private readonly DatasetTokenizer tokenizer;
    private readonly bool hasEndOfText;
    private string name = "";
    private string stretchName = "";
    private long stretch;
    private long place;
    private long textBytes;
    private long loneBytes;
    private DocumentLength? longest;
    private DocumentLength? shortest;

    /// <summary>Begins.</summary>
    /// <param name="store">Keeps the tokens, behind those that it has.</param>
    /// <param name="files">Is told which file they are from.</param>
    /// <param name="tokenizer">Makes the tokens.</param>
    public CorpusReader(TokenStore store, FileSpans files, Gpt2Tokenizer tokenizer)
    {
        this.store = store;
        this.files = files;
        place = store.Count;
        traits = new TokenTraits(tokenizer.Vocabulary);
        hasEndOfText = tokenizer.Vocabulary.EndOfText is not null;
        this.tokenizer = new DatasetTokenizer(new TokenStream(this), tokenizer: tokenizer);
    }

    /// <summary>Ends the corpus.</summary>
    /// <exception cref="Core.UserErrorException">There are fewer than two tokens.</exception>
    public CorpusStatistics Complete()
    {
        var counted = tokenizer.Complete();
        EndStretch();
        // Of nothing but ends of text.
        var none = new DocumentLength(0, name);
        return new CorpusStatistics(counted, textBytes, loneBytes, longest ?? none, shortest ?? none);
    }

    /// <inheritdoc/>
    public void BeginDocument(string name)
    {
        this.name = name;
        tokenizer.BeginDocument(name);
    }

    /// <inheritdoc/>
    public void Text(ReadOnlySpan<byte> utf8) => tokenizer.Text(utf8);

    /// <inheritdoc/>
    public void EndOfText() => tokenizer.EndOfText();

    /// <inheritdoc/>
    public void Tokens(ReadOnlySpan<ushort> tokens) => tokenizer.Tokens(tokens);

    /// <inheritdoc/>
    public void EndArray() => tokenizer.EndArray();

    /// <inheritdoc/>
    public void EndDocument()
    {
        tokenizer.EndDocument();
        if (!hasEndOfText)
            EndStretch();
    }

    /// <inheritdoc/>
    public void Dispose() => tokenizer.Dispose();

    private void Take(ReadOnlySpan<ushort> tokens)
    {
        store.Append(tokens);
        for (; tokens.Length > PieceTokens; tokens = tokens[PieceTokens..])
            Count(tokens[..PieceTokens]);
        Count(tokens);
    }

    private void Count(ReadOnlySpan<ushort> tokens)
    {
        var (bytes, lone) = traits.Of(tokens);
        textBytes += bytes;
        loneBytes += lone;
        while (!tokens.IsEmpty)
        {
            var end = tokens.IndexOf(store.EndOfText);
            var length = end < 0 ? tokens.Length : end;
            if (length > 0 && stretch == 0)
                BeginStretch();
            stretch += length;
            place += length;
            if (end < 0)
                return;
            EndStretch();
            place++;
            tokens = tokens[(end + 1)..];
        }
    }

    private void BeginStretch()
    {
        stretchName = name;
        files.Add(name, place);
    }

    private void EndStretch()
    {
        if (stretch > (longest?.TokenCount ?? 0))
            longest = new DocumentLength(stretch, stretchName);
        if (stretch > 0 && stretch < (shortest?.TokenCount ?? long.MaxValue))
            shortest = new DocumentLength(stretch, stretchName);
        stretch = 0;
    }

    /// <summary>Where the tokenizer writes.</summary>
    private sealed class TokenStream(CorpusReader owner) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer) =>
            owner.Take(MemoryMarshal.Cast<byte, ushort>(buffer));

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}

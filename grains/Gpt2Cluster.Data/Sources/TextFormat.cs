namespace Gpt2Cluster.Data.Sources;

/// <summary>A kind of file that is UTF-8 text, whatever it means by it.</summary>
/// <param name="name">What people call it.</param>
/// <param name="endings">The endings that promise it.</param>
/// <param name="open">Makes the reader of one file: its path and where its documents go.</param>
internal sealed class TextFormat(
    string name, IReadOnlyList<string> endings, Func<string, IDocumentSink, ITextReader> open) : IDocumentFormat
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public IReadOnlyList<string> Endings => endings;

    /// <inheritdoc/>
    public bool IsBegunBy(ReadOnlySpan<byte> start) => false;

    /// <inheritdoc/>
    public void Read(string path, IDocumentSink sink, Action<long> progress, CancellationToken cancellation)
    {
        using var file = new Utf8FileReader(path);
        var reader = open(path, sink);
        var read = 0L;
        while (file.Next() is { Length: > 0 } piece)
        {
            cancellation.ThrowIfCancellationRequested();
            reader.Append(piece.Span);
            progress(read += piece.Length);
        }

        reader.Finish();
    }
}

/// <summary>Takes one file's text in pieces and passes its documents on.</summary>
internal interface ITextReader
{
    /// <summary>Takes the next piece: whole characters of UTF-8, valid during the call only.</summary>
    /// <exception cref="Core.UserErrorException">The text is not what the format asks for.</exception>
    void Append(ReadOnlySpan<byte> piece);

    /// <summary>The file ends.</summary>
    /// <exception cref="Core.UserErrorException">It ends too early.</exception>
    void Finish();
}

/// <summary>A file of plain text is one document.</summary>
internal sealed class PlainTextReader : ITextReader
{
    private readonly IDocumentSink sink;

    public PlainTextReader(string path, IDocumentSink sink)
    {
        this.sink = sink;
        sink.BeginDocument(path);
    }

    public void Append(ReadOnlySpan<byte> piece) => sink.Text(piece);

    public void Finish() => sink.EndDocument();
}

namespace Gpt2Cluster.Data.Sources;

/// <summary>A kind of file that is text, whatever it means by it.</summary>
/// <param name="name">What people call it.</param>
/// <param name="endings">The endings that promise it.</param>
/// <param name="open">Makes the reader of one file: its name, how it is read, and where its documents go.</param>
internal sealed class TextFormat(
    string name, IReadOnlyList<string> endings, Func<string, SourceOptions, IDocumentSink, ITextReader> open)
    : IDocumentFormat
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public IReadOnlyList<string> Endings => endings;

    /// <inheritdoc/>
    public bool IsBegunBy(ReadOnlySpan<byte> start) => false;

    /// <inheritdoc/>
    public void Read(
        SourceFile file,
        SourceOptions options,
        IDocumentSink sink,
        Action<long> progress,
        CancellationToken cancellation)
    {
        using var text = new TextFileReader(file, options.Encoding);
        var reader = open(file.Name, options, sink);
        var lines = new LineEnds();
        while (text.Next() is { Length: > 0 } piece)
        {
            cancellation.ThrowIfCancellationRequested();
            reader.Append(lines.Normalize(piece.Span));
            progress(text.BytesRead);
        }

        if (lines.Finish() is { IsEmpty: false } last)
            reader.Append(last);
        reader.Finish();
    }
}

/// <summary>A file of plain text is one document.</summary>
internal sealed class PlainTextReader : ITextReader
{
    private readonly IDocumentSink sink;

    public PlainTextReader(string name, IDocumentSink sink)
    {
        this.sink = sink;
        sink.BeginDocument(name);
    }

    public void Append(ReadOnlySpan<byte> piece) => sink.Text(piece);

    public void Finish() => sink.EndDocument();
}

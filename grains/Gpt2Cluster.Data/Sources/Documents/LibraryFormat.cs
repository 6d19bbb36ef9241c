namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>Takes a file apart with the help of a library; a library may throw anything, hang or eat memory.</summary>
/// <param name="file">The file.</param>
/// <param name="options">How it is read.</param>
/// <param name="sink">Takes the documents.</param>
internal delegate void DocumentReading(SourceFile file, SourceOptions options, IDocumentSink sink);

/// <summary>
/// A kind of file that a library reads. Where a <see cref="DocumentProcess"/> is there it is read in that, else here.
/// </summary>
/// <param name="name">What people call it.</param>
/// <param name="endings">The endings that promise it.</param>
/// <param name="start">How its files begin; empty if that does not tell.</param>
/// <param name="reading">Reads it.</param>
internal sealed class LibraryFormat(string name, IReadOnlyList<string> endings, byte[] start, DocumentReading reading)
    : IDocumentFormat
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public IReadOnlyList<string> Endings => endings;

    /// <inheritdoc/>
    public bool IsBegunBy(ReadOnlySpan<byte> begin) => start.Length > 0 && begin.StartsWith(start);

    /// <inheritdoc/>
    public void Read(
        SourceFile file,
        SourceOptions options,
        IDocumentSink sink,
        Action<long> progress,
        CancellationToken cancellation)
    {
        if (options.Process is { } process)
            process.Read(file, options, sink, cancellation);
        else
            ReadHere(file, options, sink);
    }

    /// <summary>Reads it in this process.</summary>
    /// <exception cref="Core.UserErrorException">It is not what it should be.</exception>
    public void ReadHere(SourceFile file, SourceOptions options, IDocumentSink sink)
    {
        try
        {
            reading(file, options, sink);
        }
        catch (Exception error) when (error is not (Core.UserErrorException or OutOfMemoryException or NoTextException))
        {
            // Whatever a library throws at a damaged file.
            var reason = error.Message.ReplaceLineEndings(" ").TrimEnd('.');
            throw new Core.UserErrorException(
                $"{file.Name} cannot be read as {name} ({reason}); is it damaged, or of another kind?", error);
        }
    }
}

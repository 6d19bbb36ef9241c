using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// One kind of file that documents are read out of. A new kind is a class of this interface and a line in
/// <see cref="DocumentFormats"/>.
/// </summary>
public interface IDocumentFormat
{
    /// <summary>What people call it, such as <c>JSON lines</c>.</summary>
    string Name { get; }

    /// <summary>The endings that promise it, each with its dot, in any case of letters.</summary>
    IReadOnlyList<string> Endings { get; }

    /// <summary>
    /// Whether a file of an ending that nobody knows is of this kind by how it begins; false where the first bytes do
    /// not tell.
    /// </summary>
    /// <param name="start">Its first bytes, at most <see cref="DocumentFormats.StartBytes"/>.</param>
    bool IsBegunBy(ReadOnlySpan<byte> start);

    /// <summary>Reads a file's documents in pieces, so that it is never whole in memory.</summary>
    /// <param name="file">The file.</param>
    /// <param name="options">How it is read.</param>
    /// <param name="sink">Takes the documents.</param>
    /// <param name="progress">Told the bytes of the file read so far; a format may leave it out.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <exception cref="UserErrorException">The file is not what the format asks for; it and the place are
    /// named.</exception>
    void Read(
        SourceFile file,
        SourceOptions options,
        IDocumentSink sink,
        Action<long> progress,
        CancellationToken cancellation);
}

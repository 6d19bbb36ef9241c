namespace Gpt2Cluster.Data.Sources.Npz;

/// <summary>NumPy arrays of tokens: one document a file.</summary>
internal sealed class NpzFormat : IDocumentFormat
{
    // Of a zip's first local header (APPNOTE.TXT 4.3.7): the length of the name, and the name.
    private const int NameLengthAt = 26;
    private const int NameAt = 30;

    /// <inheritdoc/>
    public string Name => "npz";

    /// <inheritdoc/>
    public IReadOnlyList<string> Endings { get; } = [".npz"];

    /// <summary>Whether it is a zip whose first file is an array.</summary>
    public bool IsBegunBy(ReadOnlySpan<byte> start)
    {
        if (start.Length < NameAt || !start.StartsWith("PK\x03\x04"u8))
            return false;
        var nameEnd = NameAt + (start[NameLengthAt] | start[NameLengthAt + 1] << 8);
        return nameEnd <= start.Length && start[NameAt..nameEnd].EndsWith(".npy"u8);
    }

    /// <inheritdoc/>
    public void Read(
        SourceFile file,
        SourceOptions options,
        IDocumentSink sink,
        Action<long> progress,
        CancellationToken cancellation)
    {
        using var npz = NpzFile.Open(file.Path, file.Name);
        sink.BeginDocument(file.Name);
        foreach (var array in npz.Arrays)
        {
            foreach (var tokens in npz.ReadTokens(array, options.TokenCount))
            {
                cancellation.ThrowIfCancellationRequested();
                sink.Tokens(tokens.Span);
            }

            sink.EndArray();
        }

        sink.EndDocument();
    }
}

using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// What a user names as a dataset, as an ordered list of files: a file, a folder (recursively), or a pattern; ordinal
/// order of the paths. Reads them in pieces into an <see cref="IDocumentSink"/>, so that no file is ever whole in
/// memory.
/// </summary>
public sealed class DatasetSource
{
    private DatasetSource(string path, IReadOnlyList<SourceFile> files)
    {
        Path = path;
        Files = files;
    }

    /// <summary>What the user named.</summary>
    public string Path { get; }

    /// <summary>The files, in the order they are read.</summary>
    public IReadOnlyList<SourceFile> Files { get; }

    /// <summary>Bytes of all files.</summary>
    public long Bytes => Files.Sum(file => file.Bytes);

    /// <summary>Finds the files of a path.</summary>
    /// <exception cref="UserErrorException">There is no such file or folder, or nothing matches.</exception>
    public static DatasetSource Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (File.Exists(path))
            return new DatasetSource(path, [SourceFile.At(path)]);
        try
        {
            return new DatasetSource(path, Find(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path} cannot be read ({error.Message}).", error);
        }
    }

    /// <summary>Reads all files and throws at the first fault, so that nothing is sent of a bad dataset.</summary>
    /// <param name="progress">Told the bytes read so far.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <exception cref="UserErrorException">A file is binary, no UTF-8, malformed, or all texts are empty.</exception>
    public void Validate(IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        var content = new ContentCounter();
        Read(content, progress, cancellation);
        if (content.Count == 0)
            throw new UserErrorException($"{Path} is empty; give a text with something in it.");
    }

    /// <summary>Reads all files, in order, into a sink.</summary>
    /// <param name="sink">Takes the documents.</param>
    /// <param name="progress">Told the bytes read so far.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <exception cref="UserErrorException">A file is binary, no UTF-8 or malformed; it and the place are
    /// named.</exception>
    public void Read(IDocumentSink sink, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sink);
        var before = 0L;
        foreach (var file in Files)
        {
            var begin = before;
            file.Format.Read(file.Path, sink, read => progress?.Report(begin + read), cancellation);
            before += file.Bytes;
            progress?.Report(before);
        }
    }

    private static List<SourceFile> Find(string path)
    {
        var folder = Directory.Exists(path);
        if (!folder && !PathPattern.Is(path))
            throw new UserErrorException($"There is no file or folder {path}; check the path.");
        var options = new EnumerationOptions
        {
            RecurseSubdirectories = true,
            MaxRecursionDepth = PathPattern.DeepestFolder,
            AttributesToSkip = FileAttributes.None,
            IgnoreInaccessible = false,
        };
        var paths = folder ? Directory.EnumerateFiles(path, "*", options) : PathPattern.Find(path);
        var files = paths.OrderBy(file => file.Replace('\\', '/'), StringComparer.Ordinal)
            .Select(SourceFile.At)
            .ToList();
        if (files.Count > 0)
            return files;
        throw new UserErrorException(folder
            ? $"The folder {path} has no files; put the texts into it."
            : $"No file matches {path}; check the pattern.");
    }

    private sealed class ContentCounter : IDocumentSink
    {
        private bool atStart;

        public long Count { get; private set; }

        public void BeginDocument(string name) => atStart = true;

        // A byte-order mark alone is no content. Pieces of a file end between characters, so it is never split.
        public void Text(ReadOnlySpan<byte> utf8)
        {
            Count += utf8.Length - (atStart && utf8.StartsWith("\uFEFF"u8) ? 3 : 0);
            atStart = false;
        }

        public void Tokens(ReadOnlySpan<ushort> tokens) => Count += tokens.Length;

        public void EndArray()
        {
        }

        public void EndDocument()
        {
        }
    }
}

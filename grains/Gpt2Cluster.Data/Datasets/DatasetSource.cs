using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Npz;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>
/// What a user names as a dataset, as an ordered list of files: a file, a folder (recursively), or a pattern; ordinal
/// order of the paths. Reads them in pieces into an <see cref="IDocumentSink"/>, so that no file is ever whole in
/// memory.
/// </summary>
public sealed class DatasetSource
{
    private DatasetSource(string path, IReadOnlyList<DatasetFile> files)
    {
        Path = path;
        Files = files;
    }

    /// <summary>What the user named.</summary>
    public string Path { get; }

    /// <summary>The files, in the order they are read.</summary>
    public IReadOnlyList<DatasetFile> Files { get; }

    /// <summary>Bytes of all files.</summary>
    public long Bytes => Files.Sum(file => file.Bytes);

    /// <summary>Finds the files of a path.</summary>
    /// <exception cref="UserErrorException">There is no such file or folder, or nothing matches.</exception>
    public static DatasetSource Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (File.Exists(path))
            return new DatasetSource(path, [DatasetFile.At(path)]);
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
            if (file.Kind == DatasetFileKind.Npz)
                ReadNpz(file, sink, cancellation);
            else
                ReadText(file, sink, read => progress?.Report(before + read), cancellation);
            before += file.Bytes;
            progress?.Report(before);
        }
    }

    private static List<DatasetFile> Find(string path)
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
            .Select(DatasetFile.At)
            .ToList();
        if (files.Count > 0)
            return files;
        throw new UserErrorException(folder
            ? $"The folder {path} has no files; put the texts into it."
            : $"No file matches {path}; check the pattern.");
    }

    private static void ReadNpz(DatasetFile file, IDocumentSink sink, CancellationToken cancellation)
    {
        using var npz = NpzFile.Open(file.Path);
        sink.BeginDocument(file.Path);
        foreach (var array in npz.Arrays)
        {
            foreach (var tokens in npz.ReadTokens(array))
            {
                cancellation.ThrowIfCancellationRequested();
                sink.Tokens(tokens.Span);
            }

            sink.EndArray();
        }

        sink.EndDocument();
    }

    private static void ReadText(
        DatasetFile file, IDocumentSink sink, Action<long> progress, CancellationToken cancellation)
    {
        using var reader = new Utf8FileReader(file.Path);
        var lines = file.Kind == DatasetFileKind.JsonLines ? new JsonLinesReader(file.Path, sink) : null;
        var rows = file.Kind == DatasetFileKind.Csv ? new CsvReader(file.Path, sink) : null;
        if (file.Kind == DatasetFileKind.Text)
            sink.BeginDocument(file.Path);
        var read = 0L;
        while (reader.Next() is { Length: > 0 } piece)
        {
            cancellation.ThrowIfCancellationRequested();
            if (lines is not null)
                lines.Append(piece.Span);
            else if (rows is not null)
                rows.Append(piece.Span);
            else
                sink.Text(piece.Span);
            progress(read += piece.Length);
        }

        lines?.Finish();
        rows?.Finish();
        if (file.Kind == DatasetFileKind.Text)
            sink.EndDocument();
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

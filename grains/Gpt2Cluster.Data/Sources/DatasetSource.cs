using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// What a user names as a dataset, as an ordered list of files: a file, a folder (recursively), a pattern or standard
/// input; ordinal order of the paths. Reads them in pieces into an <see cref="IDocumentSink"/>, so that no file is
/// ever whole in memory.
/// </summary>
public sealed class DatasetSource : IDisposable
{
    private readonly SourceOptions options;
    private readonly StreamedInput? stream;
    private readonly List<SourceFile> files;

    private DatasetSource(string path, List<SourceFile> files, SourceOptions options, StreamedInput? stream = null)
    {
        Path = path;
        this.files = files;
        this.options = options;
        this.stream = stream;
    }

    /// <summary>What the user named.</summary>
    public string Path { get; }

    /// <summary>
    /// The files, in the order they are read; <see cref="Validate"/> takes away those that are left out.
    /// </summary>
    public IReadOnlyList<SourceFile> Files => files;

    /// <summary>
    /// <see cref="DocumentDigest.Sha256"/> of all documents; null until <see cref="Validate"/> has read them.
    /// </summary>
    public string? ContentSha256 { get; private set; }

    /// <summary>Bytes of all files.</summary>
    public long Bytes => files.Sum(file => file.Bytes);

    /// <summary>Finds the files of a path; reads a stream to its end.</summary>
    /// <param name="path">A file, a folder, a pattern, <c>-</c>, or what a shell writes for a pipe.</param>
    /// <param name="options">How they are read; null for the defaults.</param>
    /// <param name="cancellation">Stops between pieces of a stream.</param>
    /// <exception cref="UserErrorException">There is no such file or folder, nothing matches, or a name leads to
    /// what is no file.</exception>
    public static DatasetSource Open(
        string path, SourceOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new SourceOptions();
        if (path == StreamedInput.Dash)
            return OfStream(path, options, cancellation);
        try
        {
            var kind = FileStatus.Of(path).Kind;
            if (kind == FileKind.File)
            {
                var file = SourceFile.At(path) with { IsNamed = true };
                StructureWarnings.Give([file], options.Warn);
                return new DatasetSource(path, [file], options);
            }

            if (kind is FileKind.Pipe or FileKind.Device or FileKind.Socket)
            {
                return StreamedInput.Is(path) ? OfStream(path, options, cancellation)
                    : throw new UserErrorException($"{path} is a {kind.ToString().ToLowerInvariant()}, not a text; "
                        + $"what comes out of it can be given as standard input: - < {path}");
            }

            return new DatasetSource(path, Find(path, kind == FileKind.Folder, options), options);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path} cannot be read ({error.Message.TrimEnd('.')}).", error);
        }
    }

    /// <summary>
    /// Reads all files and throws at the first fault, so that nothing is sent of a bad dataset. What turns out to be no
    /// text is left out of <see cref="Files"/> with a warning, unless the user named it.
    /// </summary>
    /// <param name="progress">Told the bytes read so far.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <exception cref="UserErrorException">A file is binary, of another encoding, malformed, or all texts are
    /// empty.</exception>
    public void Validate(IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        var content = new ContentCounter();
        using var digest = new DocumentDigest(content);
        var before = 0L;
        var leftOut = new List<SourceFile>();
        foreach (var file in files)
        {
            var begin = before;
            var known = (content.Count, digest.State);
            try
            {
                file.Format.Read(file, options, digest, read => progress?.Report(begin + read), cancellation);
            }
            catch (NoTextException problem) when (file.IsNamed)
            {
                throw problem.AsUserError();
            }
            catch (NoTextException problem)
            {
                content.Count = known.Count;
                digest.GoBackTo(known.State);
                leftOut.Add(file);
                options.Warn($"{file.Name} {problem.Fault}; it is left out.");
            }

            before += file.Bytes;
            progress?.Report(before);
        }

        files.RemoveAll(leftOut.Contains);
        if (files.Count == 0)
            throw new UserErrorException($"Nothing of {Path} can be read as a text; put texts into it.");
        if (content.Count == 0)
            throw new UserErrorException($"{Path} is empty; give a text with something in it.");
        ContentSha256 = digest.Sha256;
    }

    /// <summary>Reads all files, in order, into a sink. They are validated first, if they were not.</summary>
    /// <param name="sink">Takes the documents.</param>
    /// <param name="progress">Told the bytes read so far.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <exception cref="UserErrorException">A file is binary, of another encoding or malformed; it and the place are
    /// named.</exception>
    public void Read(IDocumentSink sink, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sink);
        if (ContentSha256 is null)
            Validate(cancellation: cancellation);
        var quiet = options with { Warn = _ => { }, Rendered = _ => { } };
        var before = 0L;
        foreach (var file in files)
        {
            var begin = before;
            try
            {
                file.Format.Read(file, quiet, sink, read => progress?.Report(begin + read), cancellation);
            }
            catch (NoTextException problem)
            {
                // It was a text when it was validated.
                throw problem.AsUserError();
            }

            before += file.Bytes;
            progress?.Report(before);
        }
    }

    /// <summary>Lets go of what a stream was written to, and of the process that read documents.</summary>
    public void Dispose()
    {
        stream?.Dispose();
        options.Process?.Dispose();
    }

    private static DatasetSource OfStream(string path, SourceOptions options, CancellationToken cancellation)
    {
        var stream = StreamedInput.Read(path, cancellation);
        StructureWarnings.Give([stream.File], options.Warn);
        return new DatasetSource(stream.File.Name, [stream.File], options, stream);
    }

    private static List<SourceFile> Find(string path, bool isFolder, SourceOptions options)
    {
        if (!isFolder && new FileInfo(path).LinkTarget is { } target)
            throw new UserErrorException($"{path} is a link to {target}, which is not there; mend the link.");
        if (!isFolder && !PathPattern.Is(path))
            throw new UserErrorException($"There is no file or folder {path}; check the path.");
        var paths = isFolder ? new FolderWalk(options.Warn).Files(path) : PathPattern.Find(path, options.Warn);
        var files = paths.OrderBy(file => file.Replace('\\', '/'), StringComparer.Ordinal)
            .Select(file => SourceFile.At(file))
            .ToList();
        StructureWarnings.Give(files, options.Warn);
        if (files.Count > 0)
            return files;
        throw new UserErrorException(isFolder
            ? $"The folder {path} has no files; put the texts into it."
            : $"No file matches {path}; check the pattern.");
    }

    private sealed class ContentCounter : IDocumentSink
    {
        private bool atStart;

        public long Count { get; set; }

        public void BeginDocument(string name) => atStart = true;

        // A byte-order mark alone is no content. Pieces of a file end between characters, so it is never split.
        public void Text(ReadOnlySpan<byte> utf8)
        {
            Count += utf8.Length - (atStart && utf8.StartsWith("\uFEFF"u8) ? 3 : 0);
            atStart = false;
        }

        public void Tokens(ReadOnlySpan<ushort> tokens) => Count += tokens.Length;

        public void EndOfText()
        {
        }

        public void EndArray()
        {
        }

        public void EndDocument()
        {
        }
    }
}

using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Uploads;

/// <summary>
/// A dataset on its way to the cluster: read whole and found good, then sent. What is sent is what was found good: a
/// file whose length or time of writing is another by the end of the sending ends it.
/// </summary>
public sealed class DatasetUpload
{
    private readonly Dictionary<string, FileStamp?> stamps;

    private DatasetUpload(DatasetSource source)
    {
        Source = source;
        stamps = source.Files.DistinctBy(file => file.Path)
            .ToDictionary(file => file.Path, file => FileStamp.Of(file.Path));
    }

    /// <summary>Where it comes from.</summary>
    public DatasetSource Source { get; }

    /// <summary>By what the cluster knows it again (<see cref="DocumentDigest.Sha256"/>).</summary>
    public string ContentSha256 => Source.ContentSha256!;

    /// <summary>Reads all files and throws at the first fault, so that nothing is sent of a bad dataset.</summary>
    /// <param name="source">The files; they are not to change from here on.</param>
    /// <param name="progress">Told the bytes of files read so far.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <exception cref="UserErrorException">A file is bad, or all texts are empty.</exception>
    public static DatasetUpload Check(
        DatasetSource source, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        var upload = new DatasetUpload(source);
        source.Validate(progress, cancellation);
        return upload;
    }

    /// <summary>Writes the archive; it is left without its end when a file was changed.</summary>
    /// <param name="output">Takes the archive; need not be able to seek, stays open.</param>
    /// <param name="vocabulary">Whose tokens the documents are to become; null for OpenAI's.</param>
    /// <param name="progress">Told the bytes of files sent so far.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <exception cref="UserErrorException">A file was changed since it was checked; it is named.</exception>
    public void Write(
        Stream output,
        Gpt2Vocabulary? vocabulary = null,
        IProgress<long>? progress = null,
        CancellationToken cancellation = default)
    {
        var documents = new DatasetUploadWriter(output, vocabulary);
        try
        {
            Source.Read(documents, progress, cancellation);
        }
        catch (UserErrorException problem) when (Change() is { } change)
        {
            // A file that ends elsewhere may be no text any more, but that is not what went wrong.
            throw new UserErrorException(change, problem);
        }

        if (Change() is { } late)
            throw new UserErrorException(late);
        documents.Complete();
    }

    private string? Change() => Source.Files
        .Select(file => FileStamp.Change(file.Path, file.Name, stamps[file.Path]))
        .FirstOrDefault(change => change is not null);
}

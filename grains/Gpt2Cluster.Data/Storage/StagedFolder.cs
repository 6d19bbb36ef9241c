using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Storage;

/// <summary>
/// A folder that appears whole or not at all: it is filled under a hidden name beside its place and published by one
/// rename, after fsync. Disposing without publishing removes it.
/// </summary>
public sealed class StagedFolder : IDisposable
{
    private readonly string target;
    private readonly string parent;
    private bool published;

    /// <summary>
    /// Makes the hidden folder beside <paramref name="target"/>; folders above it are made as needed.
    /// </summary>
    public StagedFolder(string target)
    {
        ArgumentException.ThrowIfNullOrEmpty(target);
        this.target = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(target));
        parent = System.IO.Path.GetDirectoryName(this.target)
            ?? throw new UserErrorException($"{target} is the root folder; name a folder inside it.");
        Path = System.IO.Path.Combine(
            parent, $".{System.IO.Path.GetFileName(this.target)}.{Guid.NewGuid():N}.partial");
        Directory.CreateDirectory(Path);
    }

    /// <summary>The hidden folder to fill.</summary>
    public string Path { get; }

    /// <summary>The path of a file in the hidden folder.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Flushes all files and renames the folder to its place.</summary>
    /// <exception cref="UserErrorException">Something that is not an empty folder has that name.</exception>
    public void Publish() => PublishAt(target);

    /// <summary>Flushes all files and renames the folder to another name in the same place.</summary>
    /// <exception cref="UserErrorException">Something that is not an empty folder has that name.</exception>
    public void Publish(string name) => PublishAt(System.IO.Path.Combine(parent, name));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!published && Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }

    private void PublishAt(string place)
    {
        foreach (var file in Directory.EnumerateFiles(Path))
            DurableFiles.FlushFile(file);
        DurableFiles.FlushFolder(Path);
        Clear(place);
        try
        {
            Directory.Move(Path, place);
        }
        catch (IOException error) when (Directory.Exists(place) || System.IO.File.Exists(place))
        {
            throw Taken(place, error);
        }

        published = true;
        DurableFiles.FlushFolder(parent);
    }

    private static void Clear(string place)
    {
        if (System.IO.File.Exists(place))
            throw Taken(place, null);
        if (!Directory.Exists(place))
            return;
        if (Directory.EnumerateFileSystemEntries(place).Any())
            throw Taken(place, null);
        Directory.Delete(place);
    }

    private static UserErrorException Taken(string place, Exception? cause) =>
        new($"{place} exists already; name another place or remove it first.", cause!);
}

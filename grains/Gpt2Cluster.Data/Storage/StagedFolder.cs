using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Data.Storage;

/// <summary>
/// A folder that appears whole or not at all: it is filled under a hidden name beside its place and published by one
/// rename, after fsync. Disposing without publishing removes it. A file in it is locked as long as the process lives,
/// so that <see cref="Sweep"/> knows what a kill has left behind from what another process is filling.
/// </summary>
public sealed class StagedFolder : IStagedFolder
{
    private const string Suffix = ".partial";
    private const string OwnerFile = ".owner";

    private readonly string target;
    private readonly string parent;
    private readonly FileStream owner;
    private bool flushed;
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
            parent, $".{System.IO.Path.GetFileName(this.target)}.{Guid.NewGuid():N}{Suffix}");
        Directory.CreateDirectory(Path);
        try
        {
            owner = new FileStream(File(OwnerFile), FileMode.CreateNew, FileAccess.Write, FileShare.None);
        }
        catch
        {
            // The disk has no room for one more file; nobody would sweep a folder without an owner.
            Directory.Delete(Path, recursive: true);
            throw;
        }
    }

    /// <summary>
    /// Removes the hidden folders that killed processes have left in a folder, and puts those back of which it was not
    /// sure that they were to go.
    /// </summary>
    public static void Sweep(string parent)
    {
        RemovedFolder.PutBack(parent);
        foreach (var left in In(parent))
        {
            try
            {
                using (new FileStream(
                    System.IO.Path.Combine(left, OwnerFile), FileMode.Open, FileAccess.Write, FileShare.None))
                    Directory.Delete(left, recursive: true);
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                // Somebody fills it, or sweeps it too.
            }
        }
    }

    /// <summary>The hidden folders in a folder, whoever fills them.</summary>
    public static IReadOnlyList<string> In(string parent) =>
        Directory.Exists(parent) ? Directory.GetDirectories(parent, $".*{Suffix}") : [];

    /// <summary>
    /// Whether a process fills a hidden folder. One that is about to be renamed has no owner any more.
    /// </summary>
    public static bool IsInUse(string hidden)
    {
        try
        {
            new FileStream(
                System.IO.Path.Combine(hidden, OwnerFile), FileMode.Open, FileAccess.Write, FileShare.None).Dispose();
            return false;
        }
        catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    /// <inheritdoc/>
    public string Path { get; }

    /// <summary>The path of a file in the hidden folder.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <inheritdoc/>
    public void Publish() => PublishAt(target);

    /// <summary>Flushes all files and renames the folder to another name in the same place.</summary>
    /// <exception cref="UserErrorException">Something that is not an empty folder has that name.</exception>
    public void Publish(string name) => PublishAt(System.IO.Path.Combine(parent, name));

    /// <summary>
    /// As <see cref="Publish(string)"/>, in place of the folder of that name, which is removed; it is put back if this
    /// one cannot take its place.
    /// </summary>
    /// <exception cref="IOException">There is no folder of that name, or it cannot be replaced.</exception>
    public void Replace(string name)
    {
        var place = System.IO.Path.Combine(parent, name);
        // In a hidden folder of its own, which is swept if this process is killed in between.
        using var aside = new StagedFolder(place);
        Flush();
        Directory.Move(place, aside.File("replaced"));
        try
        {
            MoveTo(place);
        }
        catch
        {
            if (!Directory.Exists(place))
                Directory.Move(aside.File("replaced"), place);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        owner.Dispose();
        if (!published && Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }

    private void PublishAt(string place)
    {
        Flush();
        MoveTo(place);
    }

    /// <inheritdoc/>
    public void Flush()
    {
        if (flushed)
            return;
        owner.Dispose();
        System.IO.File.Delete(File(OwnerFile));
        foreach (var file in Directory.EnumerateFiles(Path))
            DurableFiles.FlushFile(file);
        DurableFiles.FlushFolder(Path);
        flushed = true;
    }

    private void MoveTo(string place)
    {
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

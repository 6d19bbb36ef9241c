namespace Gpt2Cluster.Data.Storage;

/// <summary>Folders that disappear whole: they lose their name by one rename, and are removed afterwards.</summary>
public static class RemovedFolder
{
    private const string Moved = "removed";

    /// <summary>Bytes of all files in a folder; 0 for none.</summary>
    public static long BytesOf(string path)
    {
        try
        {
            return Directory.Exists(path)
                ? new DirectoryInfo(path).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length)
                : 0;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // Somebody removes it now.
            return 0;
        }
    }

    /// <summary>Removes a folder. A kill in between leaves what <see cref="StagedFolder.Sweep"/> removes.</summary>
    /// <param name="path">The folder; one that is not there is removed already.</param>
    /// <param name="isTheOne">
    /// Asked once the folder has lost its name, with where it lies then: whether it still is what is to go. If not, it
    /// is put back. Null for whatever is there.
    /// </param>
    /// <returns>Whether it was removed now.</returns>
    /// <exception cref="IOException">It cannot be removed.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public static bool Remove(string path, Func<string, bool>? isTheOne = null)
    {
        if (!Directory.Exists(path))
            return false;
        using var aside = Aside(path);
        if (aside is null)
            return RemoveInPlace(path, isTheOne);
        var moved = aside.File(Moved);
        try
        {
            Directory.Move(path, moved);
        }
        catch (DirectoryNotFoundException)
        {
            return false;
        }

        if (isTheOne?.Invoke(moved) != false)
            return true;
        Directory.Move(moved, path);
        return false;
    }

    /// <summary>A disk may be so full that it has no room for one more name.</summary>
    private static StagedFolder? Aside(string path)
    {
        try
        {
            return new StagedFolder(path);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static bool RemoveInPlace(string path, Func<string, bool>? isTheOne)
    {
        if (isTheOne?.Invoke(path) == false)
            return false;
        Directory.Delete(path, recursive: true);
        return true;
    }
}

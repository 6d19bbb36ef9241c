namespace Gpt2Cluster.Data.Storage;

/// <summary>Folders that disappear whole: they lose their name by one rename, and are removed afterwards.</summary>
public static class RemovedFolder
{
    private const string Moved = "removed";
    private const string Suffix = ".removing";

    // What a hidden name has more than the name: two points, an identifier and the suffix.
    private static readonly int HiddenLength = 2 + 32 + Suffix.Length;

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

    /// <summary>
    /// Removes a folder. Until it is sure that it is to go, it lies whole under a hidden name that
    /// <see cref="PutBack(string)"/> knows; from then on a kill leaves what <see cref="StagedFolder.Sweep"/> removes.
    /// </summary>
    /// <param name="path">The folder; one that is not there is removed already.</param>
    /// <param name="isTheOne">
    /// Asked before, and again once the folder has lost its name, with where it lies: whether it still is what is to
    /// go. If not, it is put back. Null for whatever is there.
    /// </param>
    /// <returns>Whether it was removed now.</returns>
    /// <exception cref="IOException">
    /// It cannot be removed. If it could not be put back either, it is kept beside its place, and the message says
    /// where.
    /// </exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be removed.</exception>
    public static bool Remove(string path, Func<string, bool>? isTheOne = null)
    {
        if (!Directory.Exists(path) || isTheOne?.Invoke(path) == false)
            return false;
        var hidden = HiddenNameOf(path);
        try
        {
            Directory.Move(path, hidden);
        }
        catch (DirectoryNotFoundException)
        {
            return false;
        }

        if (!IsTheOne())
        {
            PutBack(hidden, path);
            return false;
        }

        try
        {
            Delete(hidden, path);
            return true;
        }
        catch (DirectoryNotFoundException) when (!Directory.Exists(hidden))
        {
            // A silo that has just started has put it back.
            return false;
        }
        catch when (Directory.Exists(hidden))
        {
            PutBack(hidden, path);
            throw;
        }

        bool IsTheOne()
        {
            try
            {
                return isTheOne?.Invoke(hidden) != false;
            }
            catch
            {
                PutBack(hidden, path);
                throw;
            }
        }
    }

    /// <summary>
    /// Gives folders their names back that a killed process was about to remove and had not made sure of; where there
    /// is another one of that name, they are kept beside it.
    /// </summary>
    /// <param name="parent">The folder that they are in.</param>
    public static void PutBack(string parent)
    {
        foreach (var hidden in Directory.Exists(parent) ? Directory.GetDirectories(parent, $".*{Suffix}") : [])
        {
            var name = Path.GetFileName(hidden);
            if (name.Length <= HiddenLength)
                continue;
            try
            {
                PutBack(hidden, Path.Combine(parent, name[1..^(HiddenLength - 1)]));
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                // It stays where it is, and whole.
            }
        }
    }

    private static string HiddenNameOf(string path)
    {
        var place = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return Path.Combine(
            Path.GetDirectoryName(place)!, $".{Path.GetFileName(place)}.{Guid.NewGuid():N}{Suffix}");
    }

    private static void PutBack(string hidden, string path)
    {
        try
        {
            Directory.Move(hidden, path);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // A silo that has just started may have put it back.
            if (!Directory.Exists(hidden))
                return;
            var kept = Directory.Exists($"{path}.kept") ? $"{path}.{Guid.NewGuid():N}.kept" : $"{path}.kept";
            Directory.Move(hidden, kept);
            throw new IOException($"{path} could not be put back and is kept as {kept}", problem);
        }
    }

    /// <summary>A disk may be so full that it has no room for one more name; then it is renamed only.</summary>
    private static void Delete(string hidden, string path)
    {
        using var aside = Aside(path);
        var moved = aside?.File(Moved) ?? Path.ChangeExtension(hidden, ".partial");
        Directory.Move(hidden, moved);
        if (aside is null)
            Directory.Delete(moved, recursive: true);
    }

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
}

using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Storage;

/// <summary>
/// Makes room for what takes the place of something. What stood there is renamed first and removed only when its
/// successor is in place, so that at every moment one of the two is whole; it is put back if the successor never comes.
/// </summary>
public static class ReplacedPlace
{
    private const string Suffix = ".replaced";

    /// <summary>Refuses a place that is taken by something that may not be replaced.</summary>
    /// <param name="path">The place.</param>
    /// <param name="overwrites">Whether what is there may be replaced at all.</param>
    /// <param name="isKnown">
    /// Which names of files the same kind of export writes: a folder that holds anything else is somebody's and stays.
    /// </param>
    /// <exception cref="UserErrorException">The place is taken.</exception>
    public static void Check(string path, bool overwrites, Func<string, bool> isKnown)
    {
        ArgumentNullException.ThrowIfNull(isKnown);
        if (File.Exists(path))
            throw new UserErrorException($"{path} is a file; name a folder that is not there yet.");
        if (!Directory.Exists(path))
            return;
        var entries = new DirectoryInfo(path).EnumerateFileSystemInfos().ToList();
        if (entries.Count > 0 && !overwrites)
            throw new UserErrorException($"{path} exists already; name another place, or replace it with --overwrite.");
        if (entries.Find(entry => entry is DirectoryInfo || !isKnown(entry.Name)) is { } foreign)
        {
            throw new UserErrorException(
                $"{path} holds {foreign.Name}, which no such export wrote, and is not overwritten; name another place, "
                + "or move that away first.");
        }
    }

    /// <summary>Publishes a folder in place of another, which is removed afterwards.</summary>
    public static void Publish(StagedFolder staged, string path)
    {
        ArgumentNullException.ThrowIfNull(staged);
        var place = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (!Directory.Exists(place) || !Directory.EnumerateFileSystemEntries(place).Any())
        {
            staged.Publish();
            return;
        }

        var aside = Path.Combine(
            Path.GetDirectoryName(place)!, $".{Path.GetFileName(place)}.{Guid.NewGuid():N}{Suffix}");
        Directory.Move(place, aside);
        try
        {
            staged.Publish();
        }
        catch
        {
            if (!Directory.Exists(place))
                Directory.Move(aside, place);
            throw;
        }

        Directory.Delete(aside, recursive: true);
    }
}

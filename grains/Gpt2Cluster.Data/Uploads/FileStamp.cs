namespace Gpt2Cluster.Data.Uploads;

/// <summary>How a file stood at some moment: what differs later was written to in between.</summary>
/// <param name="Bytes">Its length.</param>
/// <param name="WrittenAt">When it was written to last.</param>
internal readonly record struct FileStamp(long Bytes, DateTime WrittenAt)
{
    /// <summary>How a file stands now; null where that cannot be told: a pipe, or what cannot be opened.</summary>
    public static FileStamp? Of(string path)
    {
        try
        {
            // Pipes and devices have no length, and opening one waits for whoever writes to it.
            if (new FileInfo(path) is { Exists: true, Length: 0 })
                return new FileStamp(0, default);
            // By its handle, so that what a link leads to is meant; its writers are not kept away.
            using var file = new FileStream(
                path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return file.CanSeek
                ? new FileStamp(file.Length, File.GetLastWriteTimeUtc(file.SafeFileHandle))
                : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>What happened to a file since a stamp was taken, as a sentence; null if nothing did.</summary>
    /// <param name="path">Where it lies.</param>
    /// <param name="name">What people call it.</param>
    /// <param name="before">How it stood.</param>
    public static string? Change(string path, string name, FileStamp? before)
    {
        var now = Of(path);
        if (now == before)
            return null;
        var what = now is null ? "went away" : now.Value.Bytes < before?.Bytes ? "became shorter" : "was changed";
        return $"{name} {what} while it was read, and nothing of it is stored; "
            + "run the command again when nobody writes to it.";
    }
}

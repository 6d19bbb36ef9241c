using System.Runtime.InteropServices;

namespace Gpt2Cluster.Data.Storage;

/// <summary>
/// Makes what was written survive a loss of power: fsync of files, and of the folders that name them.
/// </summary>
public static partial class DurableFiles
{
    private const int ReadOnlyFlag = 0;

    /// <summary>Makes a file's content durable.</summary>
    public static void FlushFile(string path)
    {
        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.FlushToDisk(handle);
    }

    /// <summary>
    /// Makes a folder's names durable: files made, renamed or removed in it. Windows has no such call and needs
    /// none.
    /// </summary>
    /// <exception cref="IOException">The folder cannot be opened or flushed.</exception>
    public static void FlushFolder(string path)
    {
        if (OperatingSystem.IsWindows())
            return;
        var descriptor = Open(path, ReadOnlyFlag);
        if (descriptor < 0)
            throw new IOException($"cannot open the folder {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        try
        {
            if (Flush(descriptor) != 0)
                throw new IOException($"cannot flush the folder {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    /// <summary>Makes a file durable and gives it its name, in place of any file of that name.</summary>
    public static void PublishFile(string staged, string target)
    {
        FlushFile(staged);
        File.Move(staged, target, overwrite: true);
        FlushFolder(Path.GetDirectoryName(Path.GetFullPath(target))!);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}

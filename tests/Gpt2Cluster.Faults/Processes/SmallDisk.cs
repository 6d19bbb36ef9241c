using System.Diagnostics;

namespace Gpt2Cluster.Faults.Processes;

/// <summary>A file system of its own in memory, which is easily full. Needs root.</summary>
internal sealed class SmallDisk : IDisposable
{
    // A checkpoint takes 10 MB: those that are kept, the best, one being written, one being replaced and three damaged.
    private const int Megabytes = 160;
    private const int BlockBytes = 1 << 16;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly string folder;
    private volatile bool isToBeFull;
    private Task filling = Task.CompletedTask;

    /// <summary>Puts it in a folder's place.</summary>
    public SmallDisk(string folder)
    {
        this.folder = folder;
        Directory.CreateDirectory(folder);
        Run("mount", "-t", "tmpfs", "-o", $"size={Megabytes}m", "tmpfs", folder);
    }

    /// <summary>Why this machine cannot do it; null if it can.</summary>
    public static string? ReasonAgainst => Environment.IsPrivilegedProcess ? null : "a small disk needs root";

    private string Ballast => Path.Combine(folder, "ballast");

    /// <summary>Leaves no space until it is cleared, also where checkpoints are deleted meanwhile.</summary>
    public void Fill()
    {
        isToBeFull = true;
        filling = Task.Run(FillAgainAndAgain);
    }

    /// <summary>Gives the space back.</summary>
    public void Clear()
    {
        isToBeFull = false;
        filling.Wait();
        File.Delete(Ballast);
    }

    public void Dispose()
    {
        isToBeFull = false;
        filling.Wait();
        Run("umount", "--lazy", folder);
    }

    private async Task FillAgainAndAgain()
    {
        using var file = new FileStream(Ballast, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var block = new byte[BlockBytes];
        while (isToBeFull)
        {
            try
            {
                file.Write(block);
            }
            catch (IOException)
            {
                await Task.Delay(Pause);
            }
        }
    }

    private static void Run(params string[] words)
    {
        using var process = Process.Start(words[0], words.Skip(1));
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{string.Join(' ', words)} failed");
    }
}

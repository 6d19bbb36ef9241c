using System.Diagnostics;
using System.Text.Json;

namespace Gpt2Cluster.EndToEnd.Tests.Processes;

/// <summary>
/// A data folder of a test's own. When it is disposed, no process may be left that names it: what is left is killed and
/// fails the test.
/// </summary>
internal sealed class TestFolder : IDisposable
{
    /// <summary>How long processes may take to end after the last client has.</summary>
    private static readonly TimeSpan EndDeadline = TimeSpan.FromSeconds(20);

    /// <summary>How long a silo may take to start, or to start again.</summary>
    private static readonly TimeSpan RestartDeadline = TimeSpan.FromSeconds(60);

    public string Path { get; } = Directory.CreateTempSubdirectory("gpt2cluster-test-").FullName;

    public string File(string name, string text)
    {
        var path = System.IO.Path.Combine(Path, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    /// <summary>Processes whose command line names this folder.</summary>
    public IReadOnlyList<int> Processes() =>
    [
        .. Directory.EnumerateDirectories("/proc")
            .Select(folder => System.IO.Path.GetFileName(folder))
            .Where(name => int.TryParse(name, out _))
            .Where(name => CommandLine(name).Contains(Path, StringComparison.Ordinal))
            .Select(int.Parse),
    ];

    /// <summary>The record of the local cluster that lives here; null while there is none.</summary>
    public JsonElement? ClusterRecord()
    {
        var path = System.IO.Path.Combine(Path, "cluster.json");
        return System.IO.File.Exists(path)
            ? JsonDocument.Parse(System.IO.File.ReadAllText(path)).RootElement
            : null;
    }

    /// <summary>Waits for something that happens to the processes of this folder.</summary>
    public void WaitUntil(Func<bool> isSo, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!isSo())
        {
            Assert.True(
                watch.Elapsed < RestartDeadline,
                $"Waited {RestartDeadline.TotalSeconds} s for {what}; {Processes().Count} processes are there.");
            Thread.Yield();
        }
    }

    /// <summary>Waits until no process names this folder.</summary>
    public void AssertNobodyIsLeft()
    {
        var watch = Stopwatch.StartNew();
        while (Processes().Count > 0 && watch.Elapsed < EndDeadline)
            Thread.Yield();
        Assert.Empty(Processes().Select(process => CommandLine($"{process}")));
    }

    public void Dispose()
    {
        var left = Processes();
        foreach (var process in left)
            Kill(process);
        Directory.Delete(Path, recursive: true);
    }

    private static void Kill(int process)
    {
        try
        {
            Process.GetProcessById(process).Kill();
        }
        catch (ArgumentException)
        {
            // It ended by itself in the meantime.
        }
    }

    private static string CommandLine(string process)
    {
        try
        {
            return System.IO.File.ReadAllText($"/proc/{process}/cmdline").Replace('\0', ' ');
        }
        catch (IOException)
        {
            return "";
        }
    }
}

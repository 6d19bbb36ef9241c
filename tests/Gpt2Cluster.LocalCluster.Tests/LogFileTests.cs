using System.Diagnostics;

namespace Gpt2Cluster.LocalCluster.Tests;

public sealed class LogFileTests
{
    [Fact]
    public void A_log_that_grows_too_long_is_set_aside_while_it_is_written()
    {
        using var folder = new Scratch();
        var path = folder.File("logs/log.txt");
        using (var log = LogFile.Open(path, TimeProvider.System, maximumBytes: 1000))
        {
            for (var line = 0; line < 200; line++)
                log.WriteLine($"line {line}");
        }

        string[] kept = [.. File.ReadLines(path + ".1"), .. File.ReadLines(path)];
        Assert.Equal(
            Enumerable.Range(200 - kept.Length, kept.Length).Select(line => $"line {line}"),
            kept.Select(line => line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]));
        Assert.All([path, path + ".1"], file => Assert.InRange(new FileInfo(file).Length, 0, 1100));
        Assert.InRange(kept.Length, 20, 100);
    }

    /// <summary>What a process died of is not what the one before it said.</summary>
    [Fact]
    public void The_last_words_are_those_of_the_process_that_is_followed()
    {
        using var folder = new Scratch();
        using var log = LogFile.Open(folder.File("log.txt"), TimeProvider.System);
        Assert.Equal("told dead", LastWords("echo starting; echo told dead >&2"));
        Assert.Equal("", LastWords("exit 137"));

        string LastWords(string script)
        {
            using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", script])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            log.Follow(process);
            process.WaitForExit();
            return log.LastError;
        }
    }
}

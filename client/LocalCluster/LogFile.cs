using System.Diagnostics;
using System.Globalization;

namespace Gpt2Cluster.Client.LocalCluster;

/// <summary>A log that several threads append lines to. One older file is kept beside it.</summary>
internal sealed class LogFile : IDisposable
{
    /// <summary>A file larger than this is set aside when the log is opened.</summary>
    private const long MaximumBytes = 16 << 20;

    private readonly TimeProvider time;
    private readonly StreamWriter writer;
    private readonly Lock gate = new();
    private bool isClosed;

    private LogFile(StreamWriter writer, TimeProvider time)
    {
        this.writer = writer;
        this.time = time;
    }

    /// <summary>The last line that was copied from an error stream; empty if there was none.</summary>
    public string LastError { get; private set; } = "";

    /// <summary>Opens a log and its folder.</summary>
    public static LogFile Open(string path, TimeProvider time)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var file = new FileInfo(path);
        if (file.Exists && file.Length > MaximumBytes)
            file.MoveTo(path + ".1", overwrite: true);
        var stream = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        return new LogFile(new StreamWriter(stream) { AutoFlush = true }, time);
    }

    /// <summary>A line of our own, with the time.</summary>
    public void Say(string line) =>
        Append($"{time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture)} {line}");

    /// <summary>Copies what a process says until it ends.</summary>
    public void Follow(Process process)
    {
        process.OutputDataReceived += (_, line) => Append(line.Data);
        process.ErrorDataReceived += (_, line) =>
        {
            if (!string.IsNullOrWhiteSpace(line.Data))
                LastError = line.Data;
            Append(line.Data);
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            isClosed = true;
            writer.Dispose();
        }
    }

    private void Append(string? line)
    {
        if (line is null)
            return;
        lock (gate)
        {
            if (!isClosed)
                writer.WriteLine(line);
        }
    }
}

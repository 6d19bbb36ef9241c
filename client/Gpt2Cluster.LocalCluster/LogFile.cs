using System.Diagnostics;
using System.Globalization;

namespace Gpt2Cluster.LocalCluster;

/// <summary>A log that several threads append lines to. One older file is kept beside it.</summary>
internal sealed class LogFile : IDisposable
{
    /// <summary>A file larger than this is set aside for a new one.</summary>
    private const long MaximumBytes = 16 << 20;

    // A silo names its help page behind the sentence that says what is wrong.
    private const string HelpHint = "--help shows all options.";

    private readonly string path;
    private readonly long maximumBytes;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private StreamWriter writer;
    private bool isClosed;

    private LogFile(string path, TimeProvider time, long maximumBytes)
    {
        this.path = path;
        this.time = time;
        this.maximumBytes = maximumBytes;
        writer = OpenFile();
    }

    /// <summary>
    /// The last line of the error stream that is followed now, but for the hint at the help page; empty if there was
    /// none.
    /// </summary>
    public string LastError { get; private set; } = "";

    /// <summary>Opens a log and its folder.</summary>
    public static LogFile Open(string path, TimeProvider time, long maximumBytes = MaximumBytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return new LogFile(path, time, maximumBytes);
    }

    /// <summary>A line of our own, with the time.</summary>
    public void WriteLine(string line) =>
        Append($"{time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture)} {line}");

    /// <summary>Copies what a process says until it ends.</summary>
    public void Follow(Process process)
    {
        LastError = "";
        process.OutputDataReceived += (_, line) => Append(line.Data);
        process.ErrorDataReceived += (_, line) =>
        {
            if (!string.IsNullOrWhiteSpace(line.Data))
                LastError = line.Data.EndsWith(HelpHint, StringComparison.Ordinal) ? LastError : line.Data;
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
                Write(line);
        }
    }

    private void Write(string line)
    {
        try
        {
            writer.WriteLine(line);
            if (writer.BaseStream.Length <= maximumBytes)
                return;
            var next = OpenFile();
            writer.Dispose();
            writer = next;
        }
        catch (IOException)
        {
            // A full disk costs lines of the log, not the processes that it is about.
        }
    }

    private StreamWriter OpenFile()
    {
        var file = new FileInfo(path);
        if (file.Exists && file.Length > maximumBytes)
            file.MoveTo(path + ".1", overwrite: true);
        var stream = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        return new StreamWriter(stream) { AutoFlush = true };
    }
}

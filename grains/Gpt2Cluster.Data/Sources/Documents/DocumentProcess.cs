using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>
/// Reads files that libraries take apart in a process of its own, with limits on memory and time, so that a hang or a
/// crash over a damaged file is one sentence that names it. One process reads file after file; after a fault of its own
/// the next file gets a new one. One thread at a time.
/// </summary>
/// <param name="start">How a process begins that calls <see cref="DocumentServer.Serve"/> on its streams.</param>
public sealed class DocumentProcess(Func<ProcessStartInfo> start) : IDisposable
{
    /// <summary>Most memory of the reader's objects.</summary>
    public const long MostMemoryBytes = 1L << 30;

    private const string HeapLimitVariable = "DOTNET_GCHeapHardLimit";

    private readonly byte[] payload = new byte[DocumentFrameWriter.LongestBytes];
    private readonly byte[] head = new byte[DocumentFrameWriter.HeadBytes];
    private Process? process;

    /// <summary>How long it may say nothing.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long one file may take.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Reads one file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="options">How it is read.</param>
    /// <param name="sink">Takes the documents.</param>
    /// <param name="cancellation">Ends the process.</param>
    /// <exception cref="UserErrorException">The file cannot be used, or its reader failed over it.</exception>
    /// <exception cref="NoTextException">The file holds no text.</exception>
    public void Read(
        SourceFile file, SourceOptions options, IDocumentSink sink, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(sink);
        cancellation.ThrowIfCancellationRequested();
        var reader = process ??= Start();
        var isOver = false;
        using var timer = new Timer(_ =>
        {
            isOver = true;
            Kill(reader);
        });
        using var stop = cancellation.Register(() => Kill(reader));
        try
        {
            timer.Change(Silence, Timeout.InfiniteTimeSpan);
            Ask(reader, file, options);
            var watch = Stopwatch.StartNew();
            while (Take(reader.StandardOutput.BaseStream, file, options, sink))
            {
                if (watch.Elapsed > Deadline)
                    throw new TimeoutException();
                timer.Change(Silence, Timeout.InfiniteTimeSpan);
            }
        }
        catch (Exception error) when (error is IOException or TimeoutException or InvalidDataException)
        {
            var code = EndOf(reader);
            process = null;
            cancellation.ThrowIfCancellationRequested();
            throw new UserErrorException(
                $"{file.Name} cannot be read: its reader {Ended(isOver || error is TimeoutException, code)}; leave it "
                + "out, or save it as text.", error);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (process is not null)
            EndOf(process);
        process = null;
    }

    private static void Kill(Process reader)
    {
        try
        {
            reader.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }

    private static int EndOf(Process reader)
    {
        Kill(reader);
        reader.WaitForExit();
        var code = reader.ExitCode;
        reader.Dispose();
        return code;
    }

    private string Ended(bool isLate, int code) => isLate
        ? string.Create(CultureInfo.InvariantCulture, $"said nothing for {Silence.TotalSeconds:0.#} s, or took longer "
            + $"than {Deadline.TotalMinutes:0.#} minutes")
        : $"broke down (exit code {code}), as it does when it needs more than {MostMemoryBytes >> 20} MiB";

    private static void Ask(Process reader, SourceFile file, SourceOptions options)
    {
        var request = new DocumentRequest(
            file.Format.Name,
            Path.GetFullPath(file.Path),
            file.Name,
            options.TextField,
            options.Encoding?.WebName);
        var input = reader.StandardInput;
        input.Write(JsonSerializer.Serialize(request));
        input.Write('\n');
        input.Flush();
    }

    /// <returns>Whether more comes of the file.</returns>
    private bool Take(Stream answers, SourceFile file, SourceOptions options, IDocumentSink sink)
    {
        answers.ReadExactly(head);
        var length = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(1));
        if (length < 0 || length > payload.Length)
            throw new InvalidDataException($"a frame of {length} bytes");
        var text = payload.AsSpan(0, length);
        answers.ReadExactly(text);
        switch ((FrameKind)head[0])
        {
            case FrameKind.BeginDocument:
                sink.BeginDocument(Encoding.UTF8.GetString(text));
                return true;
            case FrameKind.Text:
                sink.Text(text);
                return true;
            case FrameKind.EndDocument:
                sink.EndDocument();
                return true;
            case FrameKind.Done:
                return false;
            case FrameKind.Fault:
                throw new UserErrorException(Encoding.UTF8.GetString(text));
            case FrameKind.NoText:
                var words = Encoding.UTF8.GetString(text).Split('\n', 2);
                throw new NoTextException(file.Name, words[0], words[^1]);
            case FrameKind.Warning:
                options.Warn(UserErrorException.OneLine(Encoding.UTF8.GetString(text)));
                return true;
            default:
                throw new InvalidDataException($"a frame of kind {head[0]}");
        }
    }

    private Process Start()
    {
        var information = start();
        information.RedirectStandardInput = true;
        information.RedirectStandardOutput = true;
        information.RedirectStandardError = true;
        information.StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        information.Environment[HeapLimitVariable] =
            MostMemoryBytes.ToString("X", CultureInfo.InvariantCulture);
        var reader = Process.Start(information)
            ?? throw new InvalidOperationException($"'{information.FileName}' was not started.");
        // What a runtime says of its own end is no use to people; the pipe must not fill up.
        reader.BeginErrorReadLine();
        return reader;
    }
}

/// <summary>What a reader process is asked for, as a line of JSON.</summary>
/// <param name="Format">Name of the format.</param>
/// <param name="Path">Where the file lies.</param>
/// <param name="Name">What people call it.</param>
/// <param name="TextField">The column of a table.</param>
/// <param name="Encoding">The encoding that the user named.</param>
internal sealed record DocumentRequest(string Format, string Path, string Name, string? TextField, string? Encoding);

using System.Globalization;
using Gpt2Cluster.Core;
using Microsoft.Win32.SafeHandles;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// Standard input, or what a shell hands over as <c>/dev/fd/63</c>: it can be read once, and a dataset is read twice,
/// so it is written to a temporary file first. On Linux the file has no name from its first byte on, so that nothing is
/// left of it however the process ends.
/// </summary>
internal sealed class StreamedInput : IDisposable
{
    /// <summary>What the user writes for standard input.</summary>
    public const string Dash = "-";

    private const string DescriptorFolder = "/dev/fd/";
    private const string OwnFolder = "/proc/self/fd/";
    private const int CopyBytes = 256 << 10;

    private readonly FileStream held;

    private StreamedInput(FileStream held, SourceFile file)
    {
        this.held = held;
        File = file;
    }

    /// <summary>What was read.</summary>
    public SourceFile File { get; }

    /// <summary>Whether a path is a stream of this process.</summary>
    public static bool Is(string path) => path == Dash || Descriptor(path) is not null;

    /// <summary>Reads a stream to its end.</summary>
    /// <exception cref="UserErrorException">It cannot be read or kept.</exception>
    public static StreamedInput Read(string path, CancellationToken cancellation)
    {
        var name = path == Dash ? "standard input" : path;
        using var input = Open(path, name);
        var staged = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"gpt2cluster-{Guid.NewGuid():N}.partial");
        FileStream? held = null;
        try
        {
            held = new FileStream(staged, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite
                | FileShare.Delete, CopyBytes, FileOptions.DeleteOnClose);
            var reachable = staged;
            if (OperatingSystem.IsLinux())
            {
                System.IO.File.Delete(staged);
                reachable = string.Create(CultureInfo.InvariantCulture,
                    $"/proc/{Environment.ProcessId}/fd/{held.SafeFileHandle.DangerousGetHandle()}");
            }

            Copy(input, held, cancellation);
            var file = SourceFile.At(reachable, name) with { Bytes = held.Length, IsNamed = true };
            return new StreamedInput(held, file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            held?.Dispose();
            throw new UserErrorException($"{name} cannot be read into {System.IO.Path.GetTempPath()} "
                + $"({error.Message.TrimEnd('.')}); TMPDIR names another folder.", error);
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => held.Dispose();

    private static void Copy(Stream input, FileStream target, CancellationToken cancellation)
    {
        var piece = new byte[CopyBytes];
        while (input.Read(piece) is > 0 and var count)
        {
            cancellation.ThrowIfCancellationRequested();
            target.Write(piece.AsSpan(0, count));
        }

        target.Flush();
    }

    private static Stream Open(string path, string name)
    {
        if (Descriptor(path) is not { } number)
            return Console.OpenStandardInput();
        try
        {
            return new FileStream(new SafeFileHandle(number, ownsHandle: false), FileAccess.Read, bufferSize: 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UserErrorException($"{name} cannot be read ({error.Message.TrimEnd('.')}).", error);
        }
    }

    private static int? Descriptor(string path)
    {
        if (OperatingSystem.IsWindows())
            return null;
        if (path == "/dev/stdin")
            return 0;
        var folder = path.StartsWith(DescriptorFolder, StringComparison.Ordinal) ? DescriptorFolder
            : path.StartsWith(OwnFolder, StringComparison.Ordinal) ? OwnFolder : null;
        return folder is not null
            && int.TryParse(path.AsSpan(folder.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number : null;
    }
}

using System.Buffers.Binary;
using System.Text;
using Gpt2Cluster.Data.Models.HuggingFace;

namespace Gpt2Cluster.Data.Models;

/// <summary>
/// The one byte stream in which a model folder travels from a client to the cluster: the 8 bytes <c>GPT2FIL1</c>, then
/// for each file the length of its name (int32, little endian), the name (UTF-8), the length of its content (int64,
/// little endian) and the content; a name of length 0 ends it.
/// </summary>
public static class FileBundle
{
    /// <summary>Files that a model folder may bring; others are left out.</summary>
    public static IReadOnlyList<string> ModelFiles { get; } =
        ModelFolder.FileNames;

    private const int LongestNameBytes = 255;
    private const int PieceBytes = 1 << 20;

    private static ReadOnlySpan<byte> Magic => "GPT2FIL1"u8;

    /// <summary>Writes the files of a model folder that are there.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="output">Takes the bundle; stays open.</param>
    /// <param name="progress">Told the bytes of content written so far.</param>
    public static void WriteModel(string folder, Stream output, IProgress<long>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.Write(Magic);
        var done = 0L;
        foreach (var name in ModelFiles.Where(name => File.Exists(Path.Combine(folder, name))))
        {
            using var file = File.OpenRead(Path.Combine(folder, name));
            WriteHead(output, name, file.Length);
            done += Copy(file, output, file.Length, bytes => progress?.Report(done + bytes));
        }

        Span<byte> end = stackalloc byte[sizeof(int)];
        end.Clear();
        output.Write(end);
    }

    /// <summary>Writes the files of a bundle into a folder that is there.</summary>
    /// <exception cref="InvalidDataException">It is no bundle, is cut short, or names a file that a model does not
    /// have.</exception>
    public static void ReadModel(Stream bundle, string folder)
    {
        ArgumentNullException.ThrowIfNull(bundle);
        Span<byte> magic = stackalloc byte[8];
        if (bundle.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) < magic.Length
            || !magic.SequenceEqual(Magic))
            throw new InvalidDataException("the bytes do not begin as a bundle of files");
        Span<byte> head = stackalloc byte[sizeof(long)];
        while (ReadName(bundle) is { } name)
        {
            ReadExactly(bundle, head);
            var length = BinaryPrimitives.ReadInt64LittleEndian(head);
            if (length < 0)
                throw new InvalidDataException($"the bundle claims {length} bytes for {name}");
            using var file = new FileStream(Path.Combine(folder, name), FileMode.CreateNew, FileAccess.Write);
            if (Copy(bundle, file, length, _ => { }) < length)
                throw new InvalidDataException($"the bundle is cut short in {name}");
        }

        if (bundle.ReadByte() >= 0)
            throw new InvalidDataException("something follows the end of the bundle");
    }

    private static void WriteHead(Stream output, string name, long length)
    {
        var bytes = Encoding.UTF8.GetBytes(name);
        Span<byte> number = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt32LittleEndian(number, bytes.Length);
        output.Write(number[..sizeof(int)]);
        output.Write(bytes);
        BinaryPrimitives.WriteInt64LittleEndian(number, length);
        output.Write(number);
    }

    private static string? ReadName(Stream bundle)
    {
        Span<byte> head = stackalloc byte[sizeof(int)];
        ReadExactly(bundle, head);
        var length = BinaryPrimitives.ReadInt32LittleEndian(head);
        if (length == 0)
            return null;
        if (length is < 0 or > LongestNameBytes)
            throw new InvalidDataException($"the bundle claims a name of {length} bytes");
        Span<byte> bytes = stackalloc byte[length];
        ReadExactly(bundle, bytes);
        var name = Encoding.UTF8.GetString(bytes);
        return ModelFiles.Contains(name, StringComparer.Ordinal)
            ? name
            : throw new InvalidDataException("the bundle has a file that a model folder does not have");
    }

    private static void ReadExactly(Stream bundle, Span<byte> into)
    {
        if (bundle.ReadAtLeast(into, into.Length, throwOnEndOfStream: false) < into.Length)
            throw new InvalidDataException("the bundle is cut short");
    }

    private static long Copy(Stream from, Stream to, long length, Action<long> progress)
    {
        var buffer = new byte[PieceBytes];
        var done = 0L;
        while (done < length)
        {
            var count = from.Read(buffer, 0, (int)Math.Min(buffer.Length, length - done));
            if (count == 0)
                break;
            to.Write(buffer, 0, count);
            progress(done += count);
        }

        return done;
    }
}

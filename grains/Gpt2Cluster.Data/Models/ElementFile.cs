using System.Runtime.InteropServices;
using Gpt2Cluster.Core;
using Microsoft.Win32.SafeHandles;

namespace Gpt2Cluster.Data.Models;

/// <summary>The types of elements that are read as fp32, each exactly.</summary>
internal enum ElementType
{
    /// <summary>IEEE 754 of 32 bits.</summary>
    Single,

    /// <summary>IEEE 754 of 16 bits.</summary>
    Half,

    /// <summary>The upper half of a <see cref="Single"/>, bfloat16.</summary>
    Brain,
}

/// <summary>
/// A file whose parts are elements of a model's weights, little-endian. Reading is safe from several threads.
/// </summary>
internal sealed class ElementFile : IDisposable
{
    private const int PieceBytes = 256 << 10;
    private const int MostPointerBytes = 1024;

    private readonly SafeFileHandle handle;

    private ElementFile(string path, SafeFileHandle handle)
    {
        Path = path;
        this.handle = handle;
        Bytes = RandomAccess.GetLength(handle);
    }

    /// <summary>Where it lies.</summary>
    public string Path { get; }

    /// <summary>Its length when it was opened.</summary>
    public long Bytes { get; }

    /// <summary>Opens a file.</summary>
    /// <param name="path">Where it lies.</param>
    /// <param name="remedy">What the message for a missing file ends with.</param>
    /// <exception cref="UserErrorException">It is missing or cannot be read.</exception>
    public static ElementFile Open(string path, string remedy = "check the path")
    {
        var file = Opened(path, remedy, () => new ElementFile(path, File.OpenHandle(path)));
        if (!file.IsGitPointer())
            return file;
        file.Dispose();
        throw new UserErrorException($"{path} is a pointer of Git LFS, not the model's weights; get the file itself "
            + "with git lfs pull, or the model with model pull hf:OWNER/MODEL.");
    }

    /// <summary>Opens a file to be read forwards.</summary>
    /// <exception cref="UserErrorException">It is missing or cannot be read.</exception>
    public static FileStream OpenStream(string path) => Opened(path, "check the path", () => File.OpenRead(path));

    /// <summary>Bytes of one element.</summary>
    public static int BytesOf(ElementType type) => type == ElementType.Single ? sizeof(float) : sizeof(ushort);

    /// <summary>Reads elements that lie one behind the other.</summary>
    /// <param name="type">What they are.</param>
    /// <param name="offset">The first one's place in the file, in bytes.</param>
    /// <param name="into">Takes them.</param>
    /// <exception cref="UserErrorException">The file is shorter.</exception>
    public void Read(ElementType type, long offset, Span<float> into)
    {
        if (type == ElementType.Single)
        {
            ReadExactly(MemoryMarshal.AsBytes(into), offset);
            return;
        }

        var halves = new ushort[Math.Min(into.Length, PieceBytes / sizeof(ushort))];
        while (!into.IsEmpty)
        {
            var piece = halves.AsSpan(0, Math.Min(into.Length, halves.Length));
            ReadExactly(MemoryMarshal.AsBytes(piece), offset);
            for (var i = 0; i < piece.Length; i++)
                into[i] = Widen(type, piece[i]);
            into = into[piece.Length..];
            offset += piece.Length * sizeof(ushort);
        }
    }

    /// <summary>Reads bytes.</summary>
    /// <exception cref="UserErrorException">The file is shorter.</exception>
    public void ReadExactly(Span<byte> into, long offset)
    {
        if (ReadAvailable(into, offset) < into.Length)
            throw new UserErrorException($"{Path} was cut short while it was read; fetch or export it again.");
    }

    /// <summary>Reads the bytes that are there.</summary>
    /// <returns>How many came.</returns>
    public int ReadAvailable(Span<byte> into, long offset)
    {
        var count = 0;
        while (count < into.Length && RandomAccess.Read(handle, into[count..], offset + count) is > 0 and var read)
            count += read;
        return count;
    }

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();

    private bool IsGitPointer()
    {
        Span<byte> start = stackalloc byte[64];
        return Bytes <= MostPointerBytes
            && start[..ReadAvailable(start, 0)].StartsWith("version https://git-lfs.github.com/spec/"u8);
    }

    private static T Opened<T>(string path, string remedy, Func<T> open)
    {
        try
        {
            return open();
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Missing(path, remedy);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path} cannot be read ({error.Message}).", error);
        }
    }

    /// <summary>The sentence for a file that is not there; a link that leads nowhere is called that.</summary>
    private static UserErrorException Missing(string path, string remedy) => new(
        new FileInfo(path).LinkTarget is { } target
            ? $"{path} is a link to {target}, which is not there; fetch the model again, or copy it with what its "
                + "links lead to."
            : $"There is no file {path}; {remedy}.");

    private static float Widen(ElementType type, ushort bits) => type == ElementType.Half
        ? (float)BitConverter.UInt16BitsToHalf(bits)
        : BitConverter.UInt32BitsToSingle((uint)bits << 16);
}

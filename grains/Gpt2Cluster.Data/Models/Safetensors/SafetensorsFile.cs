using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Gpt2Cluster.Core;
using Microsoft.Win32.SafeHandles;

namespace Gpt2Cluster.Data.Models.Safetensors;

/// <summary>
/// A safetensors file, of any size: the header is checked whole before anything else is read, tensors are read in
/// ranges. Reading is safe from several threads.
/// </summary>
public sealed class SafetensorsFile : IModelWeights
{
    private const int PieceBytes = 256 << 10;

    private readonly SafeFileHandle handle;
    private readonly long dataStart;
    private readonly Dictionary<string, SafetensorsTensor> byName;

    private SafetensorsFile(
        string path, SafeFileHandle handle, long dataStart, IReadOnlyList<SafetensorsTensor> tensors)
    {
        Path = path;
        this.handle = handle;
        this.dataStart = dataStart;
        Tensors = tensors;
        byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>Where it lies.</summary>
    public string Path { get; }

    /// <summary>Its tensors, in file order.</summary>
    public IReadOnlyList<WeightTensor> Tensors { get; }

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="UserErrorException">The file is missing or its header is wrong; the message names the
    /// fault.</exception>
    public static SafetensorsFile Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!File.Exists(path))
            throw new UserErrorException($"There is no file {path}; check the path.");
        var handle = OpenHandle(path);
        try
        {
            var (dataStart, tensors) = ReadHeader(handle);
            return new SafetensorsFile(path, handle, dataStart, tensors);
        }
        catch (InvalidDataException error)
        {
            handle.Dispose();
            throw new UserErrorException(
                $"{path} is not a sound safetensors file: {error.Message}; fetch or export it again.", error);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>The tensor of that name, or null.</summary>
    public WeightTensor? Find(string name) => byName.GetValueOrDefault(name);

    /// <summary>Reads elements of a tensor of type F32, F16 or BF16 as floats.</summary>
    /// <exception cref="ArgumentException">There is no such tensor, its type is another, or the range leaves
    /// it.</exception>
    /// <exception cref="UserErrorException">The file has been cut short since it was opened.</exception>
    public void ReadRange(string name, long startElement, Span<float> into)
    {
        if (!byName.TryGetValue(name, out var tensor))
            throw new ArgumentException($"{Path} has no tensor {name}", nameof(name));
        if (startElement < 0 || startElement > tensor.Length - into.Length)
            throw new ArgumentException(
                $"{into.Length} elements from {startElement} on leave {name}", nameof(startElement));
        var offset = dataStart + tensor.StartByte + startElement * SafetensorsTensor.ElementBytes(tensor.DataType);
        switch (tensor.DataType)
        {
            case "F32":
                ReadExactly(MemoryMarshal.AsBytes(into), offset);
                break;
            case "F16":
                ReadHalves(into, offset, bits => (float)BitConverter.UInt16BitsToHalf(bits));
                break;
            case "BF16":
                ReadHalves(into, offset, bits => BitConverter.UInt32BitsToSingle((uint)bits << 16));
                break;
            default:
                throw new ArgumentException(
                    $"{name} has the type {tensor.DataType}, not F32, F16 or BF16", nameof(name));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();

    private static SafeFileHandle OpenHandle(string path)
    {
        try
        {
            return File.OpenHandle(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path} cannot be read ({error.Message}).", error);
        }
    }

    private static (long DataStart, IReadOnlyList<SafetensorsTensor> Tensors) ReadHeader(SafeFileHandle handle)
    {
        var fileBytes = RandomAccess.GetLength(handle);
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        if (fileBytes < prefix.Length || RandomAccess.Read(handle, prefix, 0) < prefix.Length)
            throw new InvalidDataException($"it has {fileBytes} bytes, too few for a header");
        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerBytes > SafetensorsHeader.LongestBytes)
            throw new InvalidDataException($"its header claims {headerBytes} bytes");
        if (headerBytes > (ulong)(fileBytes - prefix.Length))
            throw new InvalidDataException($"it is cut short: {fileBytes} bytes do not hold a header of {headerBytes}");
        var json = new byte[headerBytes];
        if (ReadAll(handle, json, prefix.Length) < json.Length)
            throw new InvalidDataException("it is cut short within its header");
        var dataStart = prefix.Length + json.Length;
        return (dataStart, SafetensorsHeader.Parse(json, fileBytes - dataStart));
    }

    private void ReadHalves(Span<float> into, long offset, Func<ushort, float> widen)
    {
        var halves = new ushort[Math.Min(into.Length, PieceBytes / sizeof(ushort))];
        while (!into.IsEmpty)
        {
            var piece = halves.AsSpan(0, Math.Min(into.Length, halves.Length));
            ReadExactly(MemoryMarshal.AsBytes(piece), offset);
            for (var i = 0; i < piece.Length; i++)
                into[i] = widen(piece[i]);
            into = into[piece.Length..];
            offset += piece.Length * sizeof(ushort);
        }
    }

    private void ReadExactly(Span<byte> into, long offset)
    {
        if (ReadAll(handle, into, offset) < into.Length)
            throw new UserErrorException($"{Path} was cut short while it was read; fetch or export it again.");
    }

    private static int ReadAll(SafeFileHandle handle, Span<byte> into, long offset)
    {
        var count = 0;
        while (count < into.Length && RandomAccess.Read(handle, into[count..], offset + count) is > 0 and var read)
            count += read;
        return count;
    }
}

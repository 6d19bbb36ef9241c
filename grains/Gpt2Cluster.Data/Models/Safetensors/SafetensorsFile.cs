using System.Buffers.Binary;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Models.Safetensors;

/// <summary>
/// A safetensors file, of any size: the header is checked whole before anything else is read, tensors are read in
/// ranges. Reading is safe from several threads.
/// </summary>
public sealed class SafetensorsFile : IModelWeights
{
    private readonly ElementFile file;
    private readonly long dataStart;
    private readonly Dictionary<string, SafetensorsTensor> byName;

    private SafetensorsFile(
        ElementFile file, long dataStart, IReadOnlyList<SafetensorsTensor> tensors)
    {
        this.file = file;
        this.dataStart = dataStart;
        Tensors = tensors;
        byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>Where it lies.</summary>
    public string Path => file.Path;

    /// <summary>Its tensors, in file order.</summary>
    public IReadOnlyList<WeightTensor> Tensors { get; }

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="UserErrorException">The file is missing or its header is wrong; the message names the
    /// fault.</exception>
    public static SafetensorsFile Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var file = ElementFile.Open(path);
        try
        {
            var (dataStart, tensors) = ReadHeader(file);
            return new SafetensorsFile(file, dataStart, tensors);
        }
        catch (InvalidDataException error)
        {
            file.Dispose();
            throw new UserErrorException(
                $"{path} is not a sound safetensors file: {error.Message}; fetch or export it again.", error);
        }
        catch
        {
            file.Dispose();
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
        if (tensor.ElementType is not { } type)
            throw new ArgumentException($"{name} has the type {tensor.DataType}, not F32, F16 or BF16", nameof(name));
        file.Read(type, dataStart + tensor.StartByte + startElement * ElementFile.BytesOf(type), into);
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private static (long DataStart, IReadOnlyList<SafetensorsTensor> Tensors) ReadHeader(ElementFile file)
    {
        var fileBytes = file.Bytes;
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        if (fileBytes < prefix.Length || file.ReadAvailable(prefix, 0) < prefix.Length)
            throw new InvalidDataException($"it has {fileBytes} bytes, too few for a header");
        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerBytes > SafetensorsHeader.LongestBytes)
            throw new InvalidDataException($"its header claims {headerBytes} bytes");
        if (headerBytes > (ulong)(fileBytes - prefix.Length))
            throw new InvalidDataException($"it is cut short: {fileBytes} bytes do not hold a header of {headerBytes}");
        var json = new byte[headerBytes];
        if (file.ReadAvailable(json, prefix.Length) < json.Length)
            throw new InvalidDataException("it is cut short within its header");
        var dataStart = prefix.Length + json.Length;
        return (dataStart, SafetensorsHeader.Parse(json, fileBytes - dataStart));
    }
}

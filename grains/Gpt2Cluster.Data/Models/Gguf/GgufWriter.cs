using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Gpt2Cluster.Data.Models.Exports;

namespace Gpt2Cluster.Data.Models.Gguf;

/// <summary>
/// The file format of llama.cpp, version 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): keys and
/// values, then what every tensor is and where it lies, then their data, each at a multiple of 32 bytes; little endian.
/// </summary>
internal sealed class GgufWriter
{
    /// <summary>Tensors begin at multiples of this, in bytes.</summary>
    public const int Alignment = 32;

    private const uint Magic = 0x46554747;
    private const uint Version = 3;
    private const uint UInt32Type = 4;
    private const uint Int32Type = 5;
    private const uint Float32Type = 6;
    private const uint BooleanType = 7;
    private const uint TextType = 8;
    private const uint ArrayType = 9;

    private readonly ArrayBufferWriter<byte> keys = new();
    private readonly ArrayBufferWriter<byte> tensors = new();
    private ulong keyCount;
    private ulong tensorCount;
    private long dataBytes;

    /// <summary>Adds a whole number.</summary>
    public void Add(string key, uint value)
    {
        Key(key, UInt32Type);
        Write(keys, value);
    }

    /// <summary>Adds a number.</summary>
    public void Add(string key, float value)
    {
        Key(key, Float32Type);
        Write(keys, BitConverter.SingleToUInt32Bits(value));
    }

    /// <summary>Adds a yes or no.</summary>
    public void Add(string key, bool value)
    {
        Key(key, BooleanType);
        keys.Write([value ? (byte)1 : (byte)0]);
    }

    /// <summary>Adds a text.</summary>
    public void Add(string key, string value)
    {
        Key(key, TextType);
        Write(keys, value);
    }

    /// <summary>Adds a list of texts.</summary>
    public void Add(string key, IReadOnlyCollection<string> values)
    {
        Key(key, ArrayType);
        Write(keys, TextType);
        Write(keys, (ulong)values.Count);
        foreach (var value in values)
            Write(keys, value);
    }

    /// <summary>Adds a list of whole numbers.</summary>
    public void Add(string key, IReadOnlyCollection<int> values)
    {
        Key(key, ArrayType);
        Write(keys, Int32Type);
        Write(keys, (ulong)values.Count);
        foreach (var value in values)
            Write(keys, (uint)value);
    }

    /// <summary>Adds a tensor; data comes later, in the same order.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="dimensions">Its dimensions as torch counts them; the file has the fastest one first.</param>
    /// <param name="type">How its elements are kept.</param>
    public void AddTensor(string name, IReadOnlyList<int> dimensions, WeightType type)
    {
        Write(tensors, name);
        Write(tensors, (uint)dimensions.Count);
        foreach (var dimension in dimensions.Reverse())
            Write(tensors, (ulong)dimension);
        Write(tensors, TensorType(type));
        Write(tensors, (ulong)dataBytes);
        dataBytes += Padded(type.Bytes(dimensions.Aggregate(1L, (product, dimension) => product * dimension)));
        tensorCount++;
    }

    /// <summary>Writes all that comes before the first tensor's data.</summary>
    public void WriteHead(Stream output)
    {
        var head = new ArrayBufferWriter<byte>();
        Write(head, Magic);
        Write(head, Version);
        Write(head, tensorCount);
        Write(head, keyCount);
        head.Write(keys.WrittenSpan);
        head.Write(tensors.WrittenSpan);
        head.Write(new byte[Padded(head.WrittenCount) - head.WrittenCount]);
        output.Write(head.WrittenSpan);
    }

    /// <summary>A length rounded up to where the next tensor may begin.</summary>
    public static long Padded(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private static uint TensorType(WeightType type) => type switch
    {
        WeightType.Float32 => 0,
        WeightType.Float16 => 1,
        WeightType.Q8 => 8,
        _ => 30,
    };

    private void Key(string key, uint type)
    {
        Write(keys, key);
        Write(keys, type);
        keyCount++;
    }

    private static void Write(ArrayBufferWriter<byte> into, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Write(into, (ulong)bytes.Length);
        into.Write(bytes);
    }

    private static void Write(ArrayBufferWriter<byte> into, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        into.Write(bytes);
    }

    private static void Write(ArrayBufferWriter<byte> into, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        into.Write(bytes);
    }
}

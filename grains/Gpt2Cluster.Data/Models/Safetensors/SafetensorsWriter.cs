using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Models.Exports;

namespace Gpt2Cluster.Data.Models.Safetensors;

/// <summary>
/// Writes tensors of one type as a safetensors file: first the header, then the elements of all tensors in order.
/// </summary>
public sealed class SafetensorsWriter
{
    private const int Alignment = 8;
    private const int PieceElements = 1 << 16;

    private readonly Stream output;
    private readonly WeightType type;
    private readonly List<(string Name, long End)> places = [];
    private long written;
    private int current;

    /// <summary>Writes the header of the tensors that will follow.</summary>
    /// <param name="output">Where to; stays open.</param>
    /// <param name="tensors">Names, which must be unique, and dimensions.</param>
    /// <param name="type">The type they are kept in; not blocks.</param>
    /// <param name="metadata">More texts by name for <c>__metadata__</c>; null for none.</param>
    public SafetensorsWriter(
        Stream output,
        IEnumerable<(string Name, IReadOnlyList<int> Dimensions)> tensors,
        WeightType type = WeightType.Float32,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(tensors);
        this.output = output;
        this.type = type;
        var header = Header(tensors, metadata);
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        output.Write(prefix);
        output.Write(header);
    }

    private long Missing => (places.Count == 0 ? 0 : places[^1].End) - written;

    /// <summary>Appends elements; a call may end anywhere, within a tensor or over several.</summary>
    /// <exception cref="InvalidOperationException">More elements than the tensors have.</exception>
    /// <exception cref="UserErrorException">An element is too large for fp16.</exception>
    public void Write(ReadOnlySpan<float> elements)
    {
        if (elements.Length > Missing)
            throw new InvalidOperationException($"{Missing} elements are missing, not {elements.Length}");
        if (type == WeightType.Float32)
        {
            output.Write(MemoryMarshal.AsBytes(elements));
            written += elements.Length;
            return;
        }

        var bytes = new byte[type.Bytes(Math.Min(elements.Length, PieceElements))];
        while (!elements.IsEmpty)
        {
            while (places[current].End == written)
                current++;
            var count = (int)Math.Min(Math.Min(elements.Length, PieceElements), places[current].End - written);
            var piece = bytes.AsSpan(0, (int)type.Bytes(count));
            type.Encode(places[current].Name, elements[..count], piece);
            output.Write(piece);
            elements = elements[count..];
            written += count;
        }
    }

    /// <summary>Checks that all elements are there.</summary>
    /// <exception cref="InvalidOperationException">They are not.</exception>
    public void Complete()
    {
        if (Missing != 0)
            throw new InvalidOperationException($"{Missing} elements are missing");
    }

    private byte[] Header(
        IEnumerable<(string Name, IReadOnlyList<int> Dimensions)> tensors,
        IReadOnlyDictionary<string, string>? metadata)
    {
        using var json = new MemoryStream();
        var options = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var writer = new Utf8JsonWriter(json, options))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("__metadata__");
            writer.WriteString("format", "pt");
            foreach (var (name, text) in metadata ?? new Dictionary<string, string>())
                writer.WriteString(name, text);
            writer.WriteEndObject();
            var start = 0L;
            foreach (var (name, dimensions) in tensors)
            {
                var end = start + dimensions.Aggregate(1L, (product, dimension) => product * dimension);
                WriteTensor(writer, name, dimensions, start, end);
                places.Add((name, start = end));
            }

            writer.WriteEndObject();
        }

        while (json.Length % Alignment != 0)
            json.WriteByte((byte)' ');
        return json.ToArray();
    }

    private void WriteTensor(
        Utf8JsonWriter writer, string name, IReadOnlyList<int> dimensions, long start, long end)
    {
        writer.WriteStartObject(name);
        writer.WriteString("dtype", type.SafetensorsName());
        writer.WriteStartArray("shape");
        foreach (var dimension in dimensions)
            writer.WriteNumberValue(dimension);
        writer.WriteEndArray();
        writer.WriteStartArray("data_offsets");
        writer.WriteNumberValue(type.Bytes(start));
        writer.WriteNumberValue(type.Bytes(end));
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Gpt2Cluster.Data.Models.Safetensors;

/// <summary>
/// Writes fp32 tensors as a safetensors file: first the header, then the elements of all tensors in order.
/// </summary>
public sealed class SafetensorsWriter
{
    private const int Alignment = 8;

    private readonly Stream output;
    private long missing;

    /// <summary>Writes the header of the tensors that will follow.</summary>
    /// <param name="output">Where to; stays open.</param>
    /// <param name="tensors">Names, which must be unique, and dimensions.</param>
    public SafetensorsWriter(Stream output, IEnumerable<(string Name, IReadOnlyList<int> Dimensions)> tensors)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(tensors);
        this.output = output;
        var header = Header(tensors);
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        output.Write(prefix);
        output.Write(header);
    }

    /// <summary>Appends elements; a call may end anywhere, within a tensor or over several.</summary>
    /// <exception cref="InvalidOperationException">More elements than the tensors have.</exception>
    public void Write(ReadOnlySpan<float> elements)
    {
        if (elements.Length > missing)
            throw new InvalidOperationException($"{missing} elements are missing, not {elements.Length}");
        output.Write(MemoryMarshal.AsBytes(elements));
        missing -= elements.Length;
    }

    /// <summary>Checks that all elements are there.</summary>
    /// <exception cref="InvalidOperationException">They are not.</exception>
    public void Complete()
    {
        if (missing != 0)
            throw new InvalidOperationException($"{missing} elements are missing");
    }

    private byte[] Header(IEnumerable<(string Name, IReadOnlyList<int> Dimensions)> tensors)
    {
        using var json = new MemoryStream();
        var options = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var writer = new Utf8JsonWriter(json, options))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("__metadata__");
            writer.WriteString("format", "pt");
            writer.WriteEndObject();
            foreach (var (name, dimensions) in tensors)
                WriteTensor(writer, name, dimensions);
            writer.WriteEndObject();
        }

        while (json.Length % Alignment != 0)
            json.WriteByte((byte)' ');
        return json.ToArray();
    }

    private void WriteTensor(Utf8JsonWriter writer, string name, IReadOnlyList<int> dimensions)
    {
        writer.WriteStartObject(name);
        writer.WriteString("dtype", "F32");
        writer.WriteStartArray("shape");
        foreach (var dimension in dimensions)
            writer.WriteNumberValue(dimension);
        writer.WriteEndArray();
        writer.WriteStartArray("data_offsets");
        writer.WriteNumberValue(missing * sizeof(float));
        missing += dimensions.Aggregate(1L, (product, dimension) => product * dimension);
        writer.WriteNumberValue(missing * sizeof(float));
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}

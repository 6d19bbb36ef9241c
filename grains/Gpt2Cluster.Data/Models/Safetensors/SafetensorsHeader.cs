using System.Text.Json;

namespace Gpt2Cluster.Data.Models.Safetensors;

/// <summary>
/// The JSON head of a safetensors file (https://github.com/huggingface/safetensors#format), read strictly: every
/// field is known, names are unique, sizes match shapes, and the tensors fill the data without overlap or gap.
/// </summary>
internal static class SafetensorsHeader
{
    /// <summary>Longest header in bytes, the bound of the format's own reader.</summary>
    public const int LongestBytes = 100_000_000;

    private const int MostDimensions = 16;
    private const string MetadataName = "__metadata__";

    /// <summary>The tensors in file order.</summary>
    /// <exception cref="InvalidDataException">The header is wrong; the message says how.</exception>
    public static IReadOnlyList<SafetensorsTensor> Parse(ReadOnlySpan<byte> json, long dataBytes)
    {
        var tensors = new List<SafetensorsTensor>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            var reader = new Utf8JsonReader(json);
            Expect(ref reader, JsonTokenType.StartObject, "the header");
            while (NextName(ref reader) is { } name)
            {
                if (!names.Add(name))
                    throw new InvalidDataException($"it names {name} twice");
                if (name == MetadataName)
                    ReadMetadata(ref reader);
                else
                    tensors.Add(ReadTensor(ref reader, name));
            }

            if (reader.Read())
                throw new InvalidDataException("something follows the header's object");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"its header is not valid JSON ({error.Message})", error);
        }

        CheckPlaces(tensors, dataBytes);
        return tensors;
    }

    private static SafetensorsTensor ReadTensor(ref Utf8JsonReader reader, string name)
    {
        string? type = null;
        List<long>? shape = null;
        List<long>? offsets = null;
        Expect(ref reader, JsonTokenType.StartObject, name);
        while (NextName(ref reader) is { } field)
        {
            if (field == "dtype" && type is null)
                type = ReadString(ref reader, name);
            else if (field == "shape" && shape is null)
                shape = ReadNumbers(ref reader, name);
            else if (field == "data_offsets" && offsets is null)
                offsets = ReadNumbers(ref reader, name);
            else
                throw new InvalidDataException($"tensor {name} has an unknown or repeated field {field}");
        }

        if (type is null || shape is null || offsets is not { Count: 2 })
            throw new InvalidDataException($"tensor {name} lacks dtype, shape or two data_offsets");
        CheckSize(name, type, shape, offsets);
        return new SafetensorsTensor(name, type, shape, offsets[0], offsets[1]);
    }

    private static void CheckSize(string name, string type, List<long> shape, List<long> offsets)
    {
        var bytes = (Int128)SafetensorsTensor.ElementBytes(type);
        if (bytes == 0)
            throw new InvalidDataException($"tensor {name} has the unknown type {type}");
        foreach (var dimension in shape)
        {
            bytes *= dimension;
            if (bytes > long.MaxValue)
                throw new InvalidDataException($"tensor {name} is too large");
        }

        if (offsets[1] < offsets[0] || offsets[1] - offsets[0] != bytes)
            throw new InvalidDataException($"tensor {name} needs {bytes} bytes for its shape and type, "
                + $"but its offsets are {offsets[0]} to {offsets[1]}");
    }

    private static void CheckPlaces(List<SafetensorsTensor> tensors, long dataBytes)
    {
        tensors.Sort((a, b) => (a.StartByte, a.EndByte).CompareTo((b.StartByte, b.EndByte)));
        var end = 0L;
        foreach (var tensor in tensors)
        {
            if (tensor.StartByte != end)
                throw new InvalidDataException($"tensor {tensor.Name} begins at byte {tensor.StartByte} of the data, "
                    + $"not at {end} where the one before it ends");
            end = tensor.EndByte;
        }

        if (end > dataBytes)
            throw new InvalidDataException($"it is cut short: {dataBytes} of {end} bytes of data are there");
        if (end < dataBytes)
            throw new InvalidDataException($"{dataBytes - end} bytes follow the last tensor");
    }

    private static void ReadMetadata(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject, MetadataName);
        while (NextName(ref reader) is not null)
            ReadString(ref reader, MetadataName);
    }

    private static List<long> ReadNumbers(ref Utf8JsonReader reader, string name)
    {
        var numbers = new List<long>();
        Expect(ref reader, JsonTokenType.StartArray, name);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number) || number < 0
                || numbers.Count == MostDimensions)
                throw new InvalidDataException($"tensor {name} has a shape or offset that is no list of whole numbers");
            numbers.Add(number);
        }

        return numbers;
    }

    private static string ReadString(ref Utf8JsonReader reader, string name)
    {
        Expect(ref reader, JsonTokenType.String, name);
        return reader.GetString()!;
    }

    private static string? NextName(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.EndObject ? null : reader.GetString();
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType type, string name)
    {
        if (!reader.Read() || reader.TokenType != type)
            throw new InvalidDataException($"{name} is not what the format asks for ({type})");
    }
}

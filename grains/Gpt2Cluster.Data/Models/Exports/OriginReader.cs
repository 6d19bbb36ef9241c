using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Provenance;

namespace Gpt2Cluster.Data.Models.Exports;

/// <summary>Finds the record of where it comes from in what an export wrote.</summary>
public static class OriginReader
{
    /// <summary>A record is a few kilobytes, and a GGUF file's keys some megabytes before or behind it.</summary>
    private const int LongestHeadBytes = 100_000_000;

    /// <summary>The record of a folder, a safetensors file or a GGUF file; null where there is none.</summary>
    /// <exception cref="UserErrorException">The file cannot be read, or is not what its name says.</exception>
    public static Origin? Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            if (Directory.Exists(path))
                return OfFolder(path);
            using var file = File.OpenRead(path);
            return Path.GetExtension(path).ToLowerInvariant() switch
            {
                ".safetensors" => OfSafetensors(file),
                ".gguf" => OfGguf(file),
                ".json" => Origin.Read(Encoding.UTF8.GetString(Bytes(file, (ulong)file.Length))),
                _ => null,
            };
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or JsonException
            or InvalidDataException or InvalidOperationException)
        {
            throw new UserErrorException($"{path} cannot be read ({problem.Message.TrimEnd('.')}).", problem);
        }
    }

    private static Origin? OfFolder(string folder)
    {
        var record = Path.Combine(folder, Origin.FileName);
        if (File.Exists(record))
            return Read(record);
        var weights = new[] { HuggingFace.ModelFolder.WeightsFileName, Peft.PeftAdapter.WeightsFileName }
            .Select(name => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);
        return weights is null ? null : Read(weights);
    }

    private static Origin? OfSafetensors(FileStream file)
    {
        var header = Bytes(file, UInt64(file));
        using var document = JsonDocument.Parse(header);
        return document.RootElement.TryGetProperty("__metadata__", out var metadata)
            && metadata.TryGetProperty(Origin.MetadataKey, out var record)
            ? Origin.Read(record.GetString() ?? "")
            : null;
    }

    private static Origin? OfGguf(FileStream file)
    {
        const uint Magic = 0x46554747;
        if (UInt32(file) != Magic || UInt32(file) < 2)
            throw new InvalidDataException("it is no GGUF file of version 2 or later");
        _ = UInt64(file);
        for (var left = UInt64(file); left > 0; left--)
        {
            var key = Text(file);
            var type = UInt32(file);
            if (key == Origin.MetadataKey && type == TextType)
                return Origin.Read(Text(file));
            Skip(file, type, isInList: false);
        }

        return null;
    }

    private const uint TextType = 8;
    private const uint ListType = 9;

    private static void Skip(FileStream file, uint type, bool isInList)
    {
        switch (type)
        {
            case TextType:
                Forward(file, UInt64(file));
                break;
            case ListType when !isInList:
                var inner = UInt32(file);
                var count = UInt64(file);
                if (count > LongestHeadBytes)
                    throw new InvalidDataException($"it claims a list of {count} values");
                for (; count > 0; count--)
                    Skip(file, inner, isInList: true);
                break;
            default:
                Forward(file, type switch
                {
                    0 or 1 or 7 => 1,
                    2 or 3 => sizeof(ushort),
                    4 or 5 or 6 => sizeof(uint),
                    10 or 11 or 12 => sizeof(ulong),
                    _ => throw new InvalidDataException($"it has a key of the unknown type {type}"),
                });
                break;
        }
    }

    private static void Forward(FileStream file, ulong bytes)
    {
        if (bytes > (ulong)(file.Length - file.Position))
            throw new InvalidDataException("it is cut short");
        file.Seek((long)bytes, SeekOrigin.Current);
    }

    private static string Text(FileStream file) => Encoding.UTF8.GetString(Bytes(file, UInt64(file)));

    private static uint UInt32(FileStream file) => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(file, sizeof(uint)));

    private static ulong UInt64(FileStream file) => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(file, sizeof(ulong)));

    private static byte[] Bytes(FileStream file, ulong count)
    {
        if (count > LongestHeadBytes || count > (ulong)(file.Length - file.Position))
            throw new InvalidDataException("it is cut short");
        var bytes = new byte[count];
        file.ReadExactly(bytes);
        return bytes;
    }
}

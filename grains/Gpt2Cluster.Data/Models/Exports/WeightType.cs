using System.Buffers.Binary;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Models.Exports;

/// <summary>How an exported weight is kept.</summary>
public enum WeightType
{
    /// <summary>32 bits of IEEE 754.</summary>
    Float32,

    /// <summary>16 bits of IEEE 754: 11 significant ones, up to 65,504.</summary>
    Float16,

    /// <summary>The upper 16 bits of fp32: 8 significant ones.</summary>
    BFloat16,

    /// <summary>GGML's blocks of 32 weights in eight bits each with one scale in fp16.</summary>
    Q8,
}

/// <summary>Names of weight types, and how many bytes they take.</summary>
public static class WeightTypes
{
    /// <summary>Weights of one block of <see cref="WeightType.Q8"/>.</summary>
    public const int BlockLength = 32;

    private const int BlockBytes = sizeof(ushort) + BlockLength;

    /// <summary>The words of <c>--dtype</c>.</summary>
    public static IReadOnlyList<string> Words { get; } = ["fp32", "fp16", "bf16", "q8_0"];

    /// <summary>The type of a word of <c>--dtype</c>.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    public static WeightType Parse(string word) => word switch
    {
        "fp32" => WeightType.Float32,
        "fp16" => WeightType.Float16,
        "bf16" => WeightType.BFloat16,
        "q8_0" => WeightType.Q8,
        _ => throw new ArgumentException($"'{word}' is no type of weights", nameof(word)),
    };

    /// <summary>The type that a safetensors file names; null for one that is not exported.</summary>
    public static WeightType? OfSafetensors(string dataType) => dataType switch
    {
        "F32" => WeightType.Float32,
        "F16" => WeightType.Float16,
        "BF16" => WeightType.BFloat16,
        _ => null,
    };

    /// <summary>The word of <c>--dtype</c>.</summary>
    public static string Word(this WeightType type) => Words[(int)type];

    /// <summary>How a safetensors file names it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It has no name for blocks.</exception>
    public static string SafetensorsName(this WeightType type) => type switch
    {
        WeightType.Float32 => "F32",
        WeightType.Float16 => "F16",
        WeightType.BFloat16 => "BF16",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "A safetensors file has no such type."),
    };

    /// <summary>Bytes of so many weights, whole blocks of them where there are blocks.</summary>
    public static long Bytes(this WeightType type, long count) => type switch
    {
        WeightType.Float32 => count * sizeof(float),
        WeightType.Q8 => count / BlockLength * BlockBytes,
        _ => count * sizeof(ushort),
    };

    /// <summary>Writes weights in a type, little endian, rounded to nearest even.</summary>
    /// <param name="type">The type.</param>
    /// <param name="name">The tensor, for the message.</param>
    /// <param name="from">The weights; whole blocks of them where there are blocks.</param>
    /// <param name="into">As many bytes as <see cref="Bytes"/> says.</param>
    /// <exception cref="UserErrorException">A weight is too large for fp16.</exception>
    public static void Encode(this WeightType type, string name, ReadOnlySpan<float> from, Span<byte> into)
    {
        switch (type)
        {
            case WeightType.Float32:
                for (var index = 0; index < from.Length; index++)
                    BinaryPrimitives.WriteSingleLittleEndian(into[(index * sizeof(float))..], from[index]);
                break;
            case WeightType.Float16:
                for (var index = 0; index < from.Length; index++)
                    BinaryPrimitives.WriteHalfLittleEndian(into[(index * sizeof(ushort))..], Narrow(name, from[index]));
                break;
            case WeightType.BFloat16:
                for (var index = 0; index < from.Length; index++)
                    BinaryPrimitives.WriteUInt16LittleEndian(
                        into[(index * sizeof(ushort))..], BFloat16Bits(from[index]));
                break;
            default:
                for (var block = 0; block < from.Length / BlockLength; block++)
                {
                    var weights = from.Slice(block * BlockLength, BlockLength);
                    EncodeBlock(name, weights, into.Slice(block * BlockBytes, BlockBytes));
                }

                break;
        }
    }

    /// <summary>As GGML's <c>quantize_row_q8_0_ref</c>: the scale is the largest weight's 127th part.</summary>
    private static void EncodeBlock(string name, ReadOnlySpan<float> weights, Span<byte> into)
    {
        var largest = 0f;
        foreach (var weight in weights)
            largest = MathF.Max(largest, MathF.Abs(weight));
        var scale = largest / sbyte.MaxValue;
        var inverse = scale == 0 ? 0 : 1 / scale;
        BinaryPrimitives.WriteHalfLittleEndian(into, Narrow(name, scale));
        for (var index = 0; index < weights.Length; index++)
        {
            var level = MathF.Round(weights[index] * inverse, MidpointRounding.AwayFromZero);
            into[sizeof(ushort) + index] = (byte)(sbyte)level;
        }
    }

    private static Half Narrow(string name, float weight)
    {
        var half = (Half)weight;
        return !Half.IsFinite(half)
            ? throw new UserErrorException($"{name} holds the weight {weight}, which fp16 cannot; use bf16 or fp32.")
            : half;
    }

    private static ushort BFloat16Bits(float weight)
    {
        var bits = BitConverter.SingleToUInt32Bits(weight);
        return float.IsNaN(weight)
            ? (ushort)((bits >> 16) | 0x40)
            : (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }
}

namespace Gpt2Cluster.Data.Models.Safetensors;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DataType">Its element type as the format writes it: F32, F16, BF16, I64, ...</param>
/// <param name="Dimensions">Its dimensions; none for a scalar.</param>
/// <param name="StartByte">Its first byte, counted from the first byte behind the header.</param>
/// <param name="EndByte">The byte after its last.</param>
public sealed record SafetensorsTensor(
    string Name, string DataType, IReadOnlyList<long> Dimensions, long StartByte, long EndByte)
    : WeightTensor(Name, DataType, Dimensions, DataType is "F32" or "F16" or "BF16")
{
    /// <summary>What its elements are; null for a type that is not read.</summary>
    internal ElementType? ElementType => DataType switch
    {
        "F32" => Models.ElementType.Single,
        "F16" => Models.ElementType.Half,
        "BF16" => Models.ElementType.Brain,
        _ => null,
    };

    /// <summary>Bytes of one element of a type, or 0 when the type is unknown.</summary>
    public static int ElementBytes(string dataType) => dataType switch
    {
        "F64" or "I64" or "U64" => 8,
        "F32" or "I32" or "U32" => 4,
        "F16" or "BF16" or "I16" or "U16" => 2,
        "I8" or "U8" or "BOOL" or "F8_E4M3" or "F8_E5M2" => 1,
        _ => 0,
    };
}

using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Training;

/// <summary>The words of <c>--precision</c>.</summary>
internal static class PrecisionWords
{
    /// <summary>Weights of eight bits, with which processors generate.</summary>
    public const string Int8 = "int8";

    /// <summary>The word.</summary>
    public static string Of(Precision precision) => precision == Precision.BFloat16 ? "bf16" : "fp32";

    /// <summary>What a word means; null for none.</summary>
    public static Precision? Read(string? word) => word switch
    {
        "bf16" => Precision.BFloat16,
        "fp32" => Precision.Float32,
        _ => null,
    };
}

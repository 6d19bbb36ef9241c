namespace Gpt2Cluster.Core.Specification;

/// <summary>
/// The adapters of <c>--train lora:RANK</c> (Hu et al. 2021; options and defaults as in PEFT's <c>LoraConfig</c>).
/// </summary>
public sealed record LoraOptions : StoredRecord
{
    /// <summary><c>--learning-rate</c> of adapters unless another is named.</summary>
    public const double DefaultLearningRate = 2e-4;

    /// <summary>The layers that are adapted unless others are named.</summary>
    public static IReadOnlyList<string> DefaultTargets { get; } = ["c_attn", "c_proj", "c_fc"];

    /// <summary>PEFT's names of layers: a name without its block's part means each layer that ends so.</summary>
    public static IReadOnlyList<string> KnownTargets { get; } =
        ["c_attn", "c_proj", "c_fc", "attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"];

    /// <summary>R, 1 or more.</summary>
    public required int Rank { get; init; }

    /// <summary><c>--lora-alpha</c>: the addition is multiplied by alpha / R.</summary>
    public required double Alpha { get; init; }

    /// <summary><c>--lora-dropout</c>: of the adapters' inputs, 0 to below 1.</summary>
    public double Dropout { get; init; }

    /// <summary><c>--lora-targets</c>: some of <see cref="KnownTargets"/>.</summary>
    public IReadOnlyList<string> Targets { get; init; } = DefaultTargets;

    /// <summary>What multiplies the addition: alpha / R.</summary>
    public double Scale => Alpha / Rank;

    /// <summary>Whether a layer is adapted.</summary>
    /// <param name="layer">Its name within a block, such as <c>mlp.c_proj</c>.</param>
    public bool Adapts(string layer)
    {
        ArgumentNullException.ThrowIfNull(layer);
        return Targets.Any(target => layer == target || layer.EndsWith($".{target}", StringComparison.Ordinal));
    }
}

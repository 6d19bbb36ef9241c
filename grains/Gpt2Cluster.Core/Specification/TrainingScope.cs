using System.Globalization;

namespace Gpt2Cluster.Core.Specification;

/// <summary>What <c>--train</c> names.</summary>
/// <param name="Trainable">Which parameters are trained.</param>
/// <param name="Rank">The rank of the adapters; null without.</param>
public readonly record struct TrainingScope(TrainableParameters Trainable, int? Rank = null)
{
    /// <summary>The forms there are, for help pages and messages.</summary>
    public const string Forms = "all, transformer-layers or lora:RANK";

    private const string AdapterPrefix = "lora:";

    /// <summary>Reads <c>all</c>, <c>transformer-layers</c> or <c>lora:RANK</c>; null if it is none of them.</summary>
    public static TrainingScope? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.StartsWith(AdapterPrefix, StringComparison.Ordinal))
        {
            var number = text[AdapterPrefix.Length..];
            return int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var rank) && rank >= 1
                    ? new TrainingScope(TrainableParameters.Lora, rank)
                    : null;
        }

        return text switch
        {
            "all" => new TrainingScope(TrainableParameters.All),
            "transformer-layers" => new TrainingScope(TrainableParameters.TransformerLayers),
            _ => null,
        };
    }

    /// <summary>The adapters with PEFT's usual settings; null without.</summary>
    public LoraOptions? Lora() => Rank is { } rank ? new LoraOptions { Rank = rank, Alpha = 2.0 * rank } : null;

    /// <inheritdoc/>
    public override string ToString() => Trainable switch
    {
        TrainableParameters.All => "all",
        TrainableParameters.TransformerLayers => "transformer-layers",
        _ => $"{AdapterPrefix}{Rank}",
    };
}

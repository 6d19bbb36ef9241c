using System.Text.RegularExpressions;
using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Data.Models.OpenAi;

/// <summary>
/// What OpenAI's code calls GPT-2's parameters
/// (https://github.com/openai/gpt-2/blob/master/src/model.py): <c>model/h0/attn/c_attn/w</c> for
/// <c>h.0.attn.c_attn.weight</c>, <c>g</c> for the gain of a layer norm, <c>model/wte</c> for the token embedding.
/// </summary>
internal static partial class OpenAiNames
{
    /// <summary>The name of the token embedding.</summary>
    public const string TokenEmbedding = "model/wte";

    /// <summary>The name of the position embedding.</summary>
    public const string PositionEmbedding = "model/wpe";

    private const string Prefix = "model/";

    /// <summary>A parameter's name there.</summary>
    public static string Of(ParameterSlice slice)
    {
        ArgumentNullException.ThrowIfNull(slice);
        var parts = slice.Name.Split('.');
        if (parts[0] is "wte" or "wpe")
            return Prefix + parts[0];
        var last = (parts[^1], parts[^2].StartsWith("ln_", StringComparison.Ordinal)) switch
        {
            ("weight", true) => "g",
            ("weight", false) => "w",
            _ => "b",
        };
        var block = parts[0] == "h" ? [$"h{parts[1]}", .. parts[2..^1]] : parts[..^1];
        return Prefix + string.Join('/', [.. block, last]);
    }

    /// <summary>The dimensions it has there: products have a leading one.</summary>
    public static IReadOnlyList<int> DimensionsOf(ParameterSlice slice)
    {
        ArgumentNullException.ThrowIfNull(slice);
        return slice.Layer >= 0 && slice.Dimensions.Count == 2 ? [1, .. slice.Dimensions] : slice.Dimensions;
    }

    /// <summary>
    /// Whether a variable is none of the model's: anything outside <c>model/</c> (counters of steps, accumulators,
    /// powers of beta), and what an optimizer keeps under a parameter's own name, as <c>model/wte/Adam_1</c>.
    /// </summary>
    public static bool IsExtra(string name) =>
        !name.StartsWith(Prefix, StringComparison.Ordinal) || Slot().IsMatch(name);

    /// <summary>The number of the block that a name belongs to; -1 for others.</summary>
    public static int BlockOf(string name) =>
        Block().Match(name) is { Success: true } match && int.TryParse(match.Groups[1].ValueSpan, out var block)
            ? block
            : -1;

    [GeneratedRegex(@"\Amodel/(?:wte|wpe|(?:[^/]+/)+[gbw])/[^/]+\z")]
    private static partial Regex Slot();

    [GeneratedRegex(@"\Amodel/h([0-9]{1,4})/")]
    private static partial Regex Block();
}

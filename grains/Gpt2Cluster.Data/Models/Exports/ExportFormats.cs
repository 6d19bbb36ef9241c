using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Models.Gguf;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.Peft;
using Gpt2Cluster.Data.Models.TensorFlow;

namespace Gpt2Cluster.Data.Models.Exports;

/// <summary>One form in which a model leaves.</summary>
/// <param name="Word">The word of <c>--format</c>.</param>
/// <param name="Types">The types that its weights can have.</param>
/// <param name="DefaultType">The type unless one is named; null for the stored one.</param>
/// <param name="Check">Refuses a place that is taken, before anything is read.</param>
/// <param name="Write">Writes it; it appears whole or not at all.</param>
public sealed record ExportFormat(
    string Word,
    IReadOnlyList<WeightType> Types,
    WeightType? DefaultType,
    Action<string, bool> Check,
    Action<ExportedModel, ExportRequest> Write)
{
    /// <summary>Whether it holds adapters and not a whole model.</summary>
    public bool IsAdapter { get; init; }

    /// <summary>Where it is written, from what the user named and the model's name.</summary>
    public Func<string, string, string> PlaceOf { get; init; } = (path, _) => path;
}

/// <summary>The forms in which a model leaves. A new one is a line here.</summary>
public static class ExportFormats
{
    /// <summary>The one that is written unless another is named.</summary>
    public const string Default = "hf";

    private static readonly WeightType[] Plain = [WeightType.Float32, WeightType.Float16, WeightType.BFloat16];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ExportFormat> All { get; } =
    [
        new("hf", Plain, null, HuggingFaceExport.Check, HuggingFaceExport.Write),
        new("openai", [WeightType.Float32], WeightType.Float32, OpenAiExport.Check, OpenAiExport.Write),
        new("gguf", [.. Plain, WeightType.Q8], WeightType.Float16, GgufExport.Check, GgufExport.Write)
        {
            PlaceOf = GgufExport.PlaceOf,
        },
        new("peft", Plain, WeightType.Float32, PeftExport.Check, PeftExport.Write) { IsAdapter = true },
    ];

    /// <summary>The form of a word of <c>--format</c>.</summary>
    /// <exception cref="UserErrorException">There is none.</exception>
    public static ExportFormat Find(string word) => All.FirstOrDefault(format => format.Word == word)
        ?? throw new UserErrorException(
            $"--format takes {string.Join(", ", All.Select(format => format.Word))}, not '{word}'.");
}

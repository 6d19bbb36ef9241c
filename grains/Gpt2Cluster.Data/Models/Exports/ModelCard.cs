using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Data.Models.Exports;

/// <summary>
/// Writes <c>README.md</c> as the hub reads it: YAML fields that it knows
/// (https://huggingface.co/docs/hub/model-cards), then the same for people. What is not known is left out.
/// </summary>
internal static class ModelCard
{
    public const string FileName = "README.md";

    /// <summary>The hub's words for licences that people name most; another one is <c>other</c> with a name.</summary>
    private static readonly string[] HubLicenses =
    [
        "mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0",
        "cc-by-nc-sa-4.0", "gpl-2.0", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "unlicense", "openrail",
        "creativeml-openrail-m", "unknown",
    ];

    /// <summary>The page.</summary>
    /// <param name="origin">Where the model comes from.</param>
    /// <param name="library">What loads it: <c>transformers</c> or <c>peft</c>.</param>
    public static string Write(Origin origin, string library)
    {
        var page = new StringBuilder("---\n");
        WriteFields(page, origin, library);
        page.Append("---\n\n");
        page.Append(CultureInfo.InvariantCulture, $"# {Title(origin)}\n\n");
        page.Append(CultureInfo.InvariantCulture, $"A GPT-2. {Story(origin)}\n");
        WriteLosses(page, origin);
        WriteDatasets(page, origin);
        WriteSettings(page, origin);
        WriteChain(page, origin);
        return page.ToString();
    }

    private static void WriteFields(StringBuilder page, Origin origin, string library)
    {
        if (origin.EffectiveLicense is { } license)
        {
            var word = license.Trim().ToLowerInvariant();
            if (HubLicenses.Contains(word))
                Field(page, "license", word);
            else
            {
                Field(page, "license", "other");
                Field(page, "license_name", Quoted(license));
            }
        }

        Field(page, "library_name", library);
        Field(page, "pipeline_tag", "text-generation");
        if (BaseModel(origin) is { } baseModel)
            Field(page, "base_model", Quoted(baseModel));
        var names = origin.Datasets.Where(one => one.Role == "training").Select(one => one.Name).OfType<string>();
        if (names.Distinct().ToList() is { Count: > 0 } datasets)
        {
            page.Append("datasets:\n");
            foreach (var name in datasets)
                page.Append(CultureInfo.InvariantCulture, $"- {Quoted(name)}\n");
        }

        page.Append("tags:\n- gpt2\n");
    }

    /// <summary>The nearest model that came from elsewhere, as the hub names it if it is one of the hub's.</summary>
    internal static string? BaseModel(Origin origin)
    {
        var root = origin.Chain().Skip(1).FirstOrDefault(one => one.Run is null);
        if (root is null || root.Name.StartsWith(ModelReference.ScratchPrefix, StringComparison.Ordinal))
            return null;
        return Presets.FindPublished(root.Name)?.Repository ?? root.Name;
    }

    private static string Title(Origin origin) => origin.Run ?? origin.Name;

    private static string Story(Origin origin)
    {
        var author = origin.Author is { } name ? $" by {name}" : "";
        if (origin.Run is not { } run)
        {
            var adapted = origin.Base is { } under ? $" It is {under.Name} with adapters merged into it." : "";
            return (origin.Author is null ? $"Its name is {origin.Name}." : $"Made{author}.") + adapted;
        }

        var from = origin.Base is { } parent ? $", beginning with {parent.Name}" : "";
        return string.Create(
            CultureInfo.InvariantCulture, $"Step {origin.Step} of the run {run}{author}{from}.");
    }

    private static void WriteLosses(StringBuilder page, Origin origin)
    {
        if (origin.Loss is null && origin.ValidationLoss is null)
            return;
        page.Append("\n## Losses\n\n| | nats per token | perplexity |\n|---|---|---|\n");
        Row("training, last step", origin.Loss);
        Row("validation", origin.ValidationLoss);

        void Row(string what, double? loss)
        {
            if (loss is { } nats)
                page.Append(CultureInfo.InvariantCulture, $"| {what} | {nats:0.0000} | {Math.Exp(nats):0.00} |\n");
        }
    }

    private static void WriteDatasets(StringBuilder page, Origin origin)
    {
        if (origin.Datasets.Count == 0)
            return;
        page.Append("\n## Datasets\n\n| role | name | SHA-256 of the tokens |\n|---|---|---|\n");
        foreach (var dataset in origin.Datasets)
            page.Append(CultureInfo.InvariantCulture, $"| {dataset.Role} | {Cell(dataset.Name ?? "-")} ")
                .Append(CultureInfo.InvariantCulture, $"| `{dataset.Sha256}` |\n");
    }

    private static void WriteSettings(StringBuilder page, Origin origin)
    {
        if (origin.Settings is null)
            return;
        page.Append("\n## Settings\n\n| setting | value |\n|---|---|\n");
        foreach (var (name, value) in SpecificationJson.Leaves(origin.Settings))
            page.Append(CultureInfo.InvariantCulture, $"| {Cell(name.Replace('_', ' '))} | {Cell(Plain(value))} |\n");
    }

    private static void WriteChain(StringBuilder page, Origin origin)
    {
        page.Append("\n## Where it comes from\n\n");
        foreach (var one in origin.Chain())
        {
            page.Append(CultureInfo.InvariantCulture, $"* {one.Name}");
            page.Append(one.EffectiveLicense is { } license ? $", licence {license}" : ", no licence was named");
            page.Append(one.Author is { } author ? $", by {author}" : "");
            page.Append(one.Sha256 is { } hash ? $", `{hash}`" : "");
            page.Append(one.Software is { } software ? $", {software}" : "").Append('\n');
        }
    }

    private static void Field(StringBuilder page, string name, string value) =>
        page.Append(CultureInfo.InvariantCulture, $"{name}: {value}\n");

    private static string Plain(string json) => JsonNode.Parse(json)?.ToString() ?? "-";

    /// <summary>JSON's strings are YAML's.</summary>
    private static string Quoted(string text) => JsonSerializer.Serialize(text, Relaxed);

    private static string Cell(string text) =>
        text.ReplaceLineEndings(" ").Replace("|", "\\|", StringComparison.Ordinal);

    private static readonly JsonSerializerOptions Relaxed = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}

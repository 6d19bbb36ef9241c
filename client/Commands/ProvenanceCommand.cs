using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Client.Models.Exports;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.HuggingFace;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>provenance FILE or MODEL or RUN</c>: where something comes from.</summary>
internal sealed class ProvenanceCommand : ClientCommand
{
    private const string Verified = "verified";
    private const string NotVerified = "not verified";

    private static readonly string[] Headers = ["", "licence", "author", "made by", "hash", ""];

    private readonly Argument<string> subject = new("WHAT")
    {
        Description = "a file or folder that was exported, a model's name, a run's, or run:NAME@STEP",
    };

    /// <summary>Makes the command.</summary>
    public ProvenanceCommand()
        : base(
            "provenance",
            "Says where a model, a checkpoint or an exported file comes from.",
            "provenance run1") => Arguments.Add(subject);

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var name = context.Arguments.GetRequiredValue(subject);
        var isInStore = ModelNames.RunOf(name.Split('@')[0]) is not null || IsStoredHere(context, name);
        var (origin, verified) = !isInStore && (File.Exists(name) || Directory.Exists(name))
            ? await OfPlace(name, cancellation)
            : await OfCluster(context, name, cancellation);
        foreach (var one in origin.Chain())
            context.Output.Json(Json(one, verified));
        context.Output.Table(Headers, [.. origin.Chain().Select(one => Row(one, verified))]);
        foreach (var line in origin.Chain().SelectMany(Details))
            context.Output.Result(line);
        return ExitCodes.Done;
    }

    private static bool IsStoredHere(CommandContext context, string name) =>
        context.Choices.Cluster is LocalAddress && RunName.Error(name) is null
        && ModelTransfers.LocalStore(context.Choices.DataFolder).List().Any(model => model.Name == name);

    /// <summary>What was exported says itself where it comes from.</summary>
    private static async Task<(Origin Origin, string? Verified)> OfPlace(string path, CancellationToken cancellation)
    {
        var origin = OriginReader.Read(path) ?? throw new UserErrorException(
            $"{path} does not say where it comes from: this program did not write it, or the record was removed.");
        var weights = Path.Combine(path, ModelFolder.WeightsFileName);
        if (origin.WeightsSha256 is not { } expected || !File.Exists(weights))
            return (origin, null);
        await using var file = File.OpenRead(weights);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellation)) == expected
            ? (origin, expected)
            : throw new UserErrorException(
                $"{weights} does not have the hash of the record beside it: one of the two was changed since.");
    }

    /// <summary>A model of the store, or a run, whose checkpoint is read and compared with its manifest.</summary>
    private static async Task<(Origin Origin, string? Verified)> OfCluster(
        CommandContext context, string name, CancellationToken cancellation)
    {
        await using var session = await ClusterSession.Open(context, cancellation);
        var scratch = Path.Combine(Path.GetTempPath(), $"gpt2cluster-{Guid.NewGuid():N}");
        using var folders = new StoredFolders(context, session, scratch);
        var models = await StoredModels.All(session, cancellation);
        var isModel = models.Any(model => model.Name == Presets.Canonical(name));
        var source = isModel || name.StartsWith(ModelReference.RunPrefix, StringComparison.Ordinal)
            ? name
            : ModelReference.RunPrefix + name;
        var opened = await new ExportSource(session, folders).Open(ExportName.Parse(source), cancellation);
        opened.Weights.Dispose();
        return (opened.Origin, opened.FoundSha256);
    }

    private static string? HashOf(Origin origin) => origin.WeightsSha256 ?? origin.Sha256;

    private static string Word(Origin origin, string? verified) =>
        HashOf(origin) is { } hash && hash == verified ? Verified : NotVerified;

    private static string[] Row(Origin origin, string? verified) =>
    [
        origin.Step is { } step ? $"{origin.Name}@{step}" : origin.Name,
        origin.EffectiveLicense ?? "-",
        origin.Author ?? "-",
        origin.Software ?? "-",
        HashOf(origin) ?? "-",
        HashOf(origin) is null ? "" : Word(origin, verified),
    ];

    private static IEnumerable<string> Details(Origin origin)
    {
        foreach (var dataset in origin.Datasets)
            yield return $"{origin.Name}: {dataset.Role} on {dataset.Name ?? "-"}, {dataset.Sha256} ({NotVerified})";
        if (origin.Settings is { } settings)
        {
            var leaves = SpecificationJson.Leaves(settings).Select(leaf => $"{leaf.Key} {leaf.Value}");
            yield return $"{origin.Name}: {string.Join(", ", leaves)}";
        }
    }

    private static JsonObject Json(Origin origin, string? verified)
    {
        var json = JsonNode.Parse((origin with { Base = null }).Write())!.AsObject();
        json["license"] = origin.EffectiveLicense;
        json["verified"] = HashOf(origin) is { } hash && hash == verified;
        return json;
    }
}

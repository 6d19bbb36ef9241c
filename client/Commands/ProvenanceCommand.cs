using System.CommandLine;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Client.Models.Exports;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Models.Exports;

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
        var found = !isInStore && (File.Exists(name) || Directory.Exists(name))
            ? await Task.Run(() => OfPlace(name), cancellation)
            : await OfCluster(context, name, cancellation);
        foreach (var one in found.Origin.Chain())
            context.Output.Json(Json(found, one));
        context.Output.Table(Headers, [.. found.Origin.Chain().Select(one => Row(found, one))]);
        foreach (var line in found.Origin.Chain().SelectMany(Details))
            context.Output.Result(line);
        return ExitCodes.Done;
    }

    private static bool IsStoredHere(CommandContext context, string name) =>
        context.Choices.Cluster is LocalAddress && RunName.Error(name) is null
        && ModelTransfers.LocalStore(context.Choices.DataFolder).List().Any(model => model.Name == name);

    /// <summary>What was exported says itself where it comes from.</summary>
    private static Found OfPlace(string path)
    {
        // A file of weights cannot hold its own hash; the record of its folder does.
        var place = RecordedWeights.FolderOf(path) ?? path;
        var origin = OriginReader.Read(place) ?? throw new UserErrorException(
            $"{path} does not say where it comes from: this program did not write it, or the record was removed.");
        return new Found(origin, RecordedWeights.Verify(place, origin) is { } hash ? [hash] : []);
    }

    /// <summary>A model of the store, or a run, whose checkpoint is read and compared with its manifest.</summary>
    private static async Task<Found> OfCluster(CommandContext context, string name, CancellationToken cancellation)
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
        return new Found(opened.Origin, opened.FoundHashes);
    }

    private static string[] Row(Found found, Origin origin) =>
    [
        origin.Step is { } step ? $"{origin.Name}@{step}" : origin.Name,
        origin.EffectiveLicense ?? "-",
        origin.Author ?? "-",
        origin.Software ?? "-",
        origin.Hash ?? "-",
        origin.Hash is null ? "" : found.IsVerified(origin) ? Verified : NotVerified,
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

    private static JsonObject Json(Found found, Origin origin)
    {
        var json = JsonNode.Parse((origin with { Base = null }).Write())!.AsObject();
        json["license"] = origin.EffectiveLicense;
        json["verified"] = found.IsVerified(origin);
        return json;
    }

    /// <summary>A record, and the hashes that were computed and are those it names.</summary>
    private sealed record Found(Origin Origin, IReadOnlyList<string> Hashes)
    {
        public bool IsVerified(Origin origin) => origin.Hash is { } hash && Hashes.Contains(hash);
    }
}

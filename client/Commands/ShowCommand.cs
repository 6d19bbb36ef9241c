using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models.Exports;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>show RUN</c>: one run in full.</summary>
internal sealed class ShowCommand : ClientCommand
{
    private static readonly string[] Headers = ["checkpoint", "state", "validation", "", "silos", "folder"];

    private readonly RunArgument run = new();
    private readonly Option<bool> asConfig = Values.Flag(
        "--as-config", "prints its options as a file for --config of another run");

    /// <summary>Makes the command.</summary>
    public ShowCommand()
        : base("show", "Shows one run in full: its settings, workers and checkpoints.", "show run1")
    {
        Arguments.Add(run);
        Options.Add(asConfig);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> MoreExamples => ["show run1 --as-config"];

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var name = run.Read(context);
        await using var session = await ClusterSession.Open(context, cancellation);
        var description = await RunCalls.Describe(session, name, cancellation);
        if (context.Arguments.GetValue(asConfig))
        {
            var specification = description.Record.Specification;
            var paths = await PathsOf(session, specification.Dataset.Mix ?? []);
            var text = ConfigurationOfRun.Of(specification, paths);
            context.Output.Json(new JsonObject { ["config"] = text });
            context.Output.ResultText(text);
            return ExitCodes.Done;
        }

        context.Output.Json(Json(description));
        context.Output.Table(["", name.ToString()], [.. Facts(description)]);
        var record = description.Record;
        if (record.Checkpoints.Count > 0)
            context.Output.Table(Headers, [.. record.Checkpoints.Reverse().Select(entry => Row(entry, record))]);
        return ExitCodes.Done;
    }

    private static async Task<IReadOnlyDictionary<string, string>> PathsOf(
        ClusterSession session, IEnumerable<MixedDataset> datasets)
    {
        var paths = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var sha256 in datasets.Select(dataset => dataset.Sha256).Distinct())
        {
            if (await Origins.PathOf(session, sha256) is { } path)
                paths.Add(sha256, path);
        }

        return paths;
    }

    private static JsonObject Json(RunDescription description)
    {
        var record = description.Record;
        var json = RunsCommand.Json(description.Summary);
        json["generation"] = record.Generation;
        json["worker_keys"] = Texts(description.Workers);
        json["remark"] = record.Remark;
        json["specification"] = Specification(record);
        json["checkpoints"] = new JsonArray([.. record.Checkpoints.Reverse().Select(entry => new JsonObject
        {
            ["step"] = entry.Step,
            ["state_sha256"] = entry.StateHash,
            ["path"] = entry.Path,
            ["silos"] = Texts(SilosOf(entry)),
            ["validation_loss"] = entry.ValidationLoss,
            ["best"] = record.IsBest(entry),
            ["base_of"] = Texts(record.BaseOf(entry)),
        })]);
        return json;
    }

    private static JsonNode? Specification(RunRecord record) =>
        JsonSerializer.SerializeToNode(record.Specification, SpecificationJson.Options);

    private static JsonArray Texts<TName>(IEnumerable<TName> names) =>
        new([.. names.Select(name => JsonValue.Create($"{name}"))]);

    private static IEnumerable<SiloName?> SilosOf(CheckpointEntry entry) =>
        entry.Holders().Select(holder => holder.Silo);

    private static IEnumerable<string[]> Facts(RunDescription description)
    {
        var summary = description.Summary;
        yield return ["status", summary.Status.ForPeople()];
        if (description.Record.Remark is { } remark)
            yield return ["remark", remark];
        yield return ["step", $"{summary.Step}/{summary.Steps}"];
        yield return ["loss", summary.Loss is { } loss ? Formats.Loss(loss) : "-"];
        yield return ["best validation", summary.BestValidationLoss is { } best ? Formats.Loss(best) : "-"];
        yield return ["workers", string.Join(", ", description.Workers)];
        yield return ["devices", Devices(summary)];
        yield return ["generation", description.Record.Generation.ToString(CultureInfo.InvariantCulture)];
        foreach (var (name, value) in Leaves("", Specification(description.Record)))
            yield return [name, value];
    }

    private static string Devices(RunSummary run) =>
        string.IsNullOrEmpty(run.DeviceClass) ? run.Device ?? "-" : $"{run.Device}: {run.DeviceClass}";

    /// <summary>
    /// The leaves of the specification by their path: what the user asked for, in the words it is stored in.
    /// </summary>
    private static IEnumerable<(string Name, string Value)> Leaves(string path, JsonNode? node) =>
        node is JsonObject item
            ? item.SelectMany(pair => Leaves(path.Length == 0 ? pair.Key : $"{path}.{pair.Key}", pair.Value))
        : [(path.Replace('_', ' '), node?.ToString().ReplaceLineEndings(" ") ?? "-")];

    private static string[] Row(CheckpointEntry entry, RunRecord record) =>
    [
        entry.Step.ToString(CultureInfo.InvariantCulture),
        entry.StateHash,
        entry.ValidationLoss is { } loss ? Formats.Loss(loss) : "-",
        string.Join(", ", WordsOf(entry, record)),
        string.Join(", ", SilosOf(entry)),
        entry.Path,
    ];

    private static IEnumerable<string> WordsOf(CheckpointEntry entry, RunRecord record)
    {
        if (record.IsBest(entry))
            yield return "best";
        foreach (var run in record.BaseOf(entry))
            yield return $"base of {run}";
    }
}

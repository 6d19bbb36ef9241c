using System.Globalization;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>runs</c>: all runs, newest first.</summary>
internal sealed class RunsCommand()
    : ClientCommand("runs", "Lists all runs, newest first.", "runs --cluster 10.0.0.5:30000")
{
    private static readonly string[] Headers =
        ["run", "status", "step", "loss", "best validation", "workers", "device", "model", "on disk", "submitted"];

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        await using var session = await ClusterSession.Open(context, cancellation);
        var cluster = session.Grains.Cluster();
        var runs = await session.Retries.Call(cluster.Runs, cancellation);
        var sizes = await RunSizes.All(session, context.Time, cancellation);
        foreach (var run in runs)
        {
            var json = Json(run);
            json["bytes_on_disk"] = sizes.GetValueOrDefault(run.Name);
            context.Output.Json(json);
        }

        if (runs.Length == 0)
            context.Output.Result("There are no runs.");
        else
            context.Output.Table(Headers, [.. runs.Select(run => Row(run, sizes.GetValueOrDefault(run.Name)))]);
        return ExitCodes.Done;
    }

    /// <summary>A run as an object for programs.</summary>
    public static JsonObject Json(RunSummary run) => new()
    {
        ["run"] = run.Name.ToString(),
        ["status"] = run.Status.Word(),
        ["step"] = run.Step,
        ["steps"] = run.Steps,
        ["loss"] = run.Loss,
        ["best_validation_loss"] = run.BestValidationLoss,
        ["workers"] = run.WorkerCount,
        ["device"] = run.Device,
        ["device_class"] = run.DeviceClass,
        ["model"] = run.Model,
        ["submitted_at"] = run.SubmittedAt.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
    };

    private static string[] Row(RunSummary run, long bytes) =>
    [
        run.Name.ToString(),
        run.Status.ForPeople(),
        $"{run.Step}/{run.Steps}",
        run.Loss is { } loss ? Formats.Loss(loss) : "-",
        run.BestValidationLoss is { } best ? Formats.Loss(best) : "-",
        run.WorkerCount.ToString(CultureInfo.InvariantCulture),
        run.Device ?? "-",
        run.Model,
        Formats.Bytes(bytes),
        run.SubmittedAt.LocalDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture),
    ];
}

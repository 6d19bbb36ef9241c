using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Contracts.Runs;

namespace Gpt2Cluster.Client.Commands;

/// <summary>
/// <c>submit DATASET</c>: as <c>train</c> without watching; a local cluster goes on until <c>stop</c>.
/// </summary>
internal sealed class SubmitCommand : ClientCommand
{
    private readonly DatasetArgument dataset = new(isOptional: true);
    private readonly TrainingOptions options = new();

    /// <summary>Makes the command.</summary>
    public SubmitCommand()
        : base(
            "submit",
            "Submits a run, or resumes it, and leaves it running; prints its name.",
            "submit novel.txt --model gpt2 --run novel --cluster 10.0.0.5:30000")
    {
        Arguments.Add(dataset);
        foreach (var option in options.All)
            Options.Add(option);
    }

    /// <inheritdoc/>
    public override string Remarks => PresetDefaults.Lines;

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var datasets = dataset.ReadAll(context, options);
        var preparation = await RunPreparation.Check(context, options, datasets, cancellation);
        await using var session = await ClusterSession.Open(context, cancellation, isToStay: true);
        var submitted = await preparation.Submit(session, cancellation);
        context.Output.Result(preparation.Run);
        context.Output.Json(new JsonObject
        {
            ["run"] = preparation.Run,
            ["outcome"] = Word(submitted.Outcome),
        });
        return ExitCodes.Done;
    }

    private static string Word(SubmissionOutcome outcome) => outcome switch
    {
        SubmissionOutcome.Created => "created",
        SubmissionOutcome.Resumed => "resumed",
        _ => "already_running",
    };
}

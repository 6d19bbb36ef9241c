using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>delete RUN</c>: removes a run that is at rest, with its checkpoints and samples.</summary>
internal sealed class DeleteCommand : ClientCommand
{
    private readonly RunArgument run = new();
    private readonly Confirmation confirmation = new();

    /// <summary>Makes the command.</summary>
    public DeleteCommand()
        : base("delete", "Removes a run that is at rest, its checkpoints and its samples.", "delete run1 --yes")
    {
        Arguments.Add(run);
        Options.Add(confirmation.Yes);
    }

    /// <inheritdoc/>
    public override string Remarks =>
        "What was exported from it stays. A run on whose checkpoint another one stands is refused until that one is "
        + "deleted. Silos that are away remove its checkpoints when they are back.";

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var name = run.Read(context);
        confirmation.Check(context, $"Deleting the run {name}");
        await using var session = await ClusterSession.Open(context, cancellation);
        var grain = session.Grains.Run(name);
        if (await session.Retries.Call(grain.Describe, cancellation) is not { } description)
            return Say(context, name, await Finish(session, grain, name, cancellation));
        if (!description.Summary.Status.IsAtRest())
        {
            throw new UserErrorException(
                $"The run {name} is {description.Summary.Status.Word()}; 'pause {name}' or 'cancel {name}' lets it "
                + "rest first.");
        }

        if (!await confirmation.Ask(context, Question(description), cancellation))
        {
            context.Output.Result("Nothing was deleted.");
            return ExitCodes.Done;
        }

        // One that is not there any more was deleted by a call whose answer was lost.
        var answer = await session.Retries.Call(() => grain.Delete(description.Summary.Life), cancellation);
        if (answer.Outcome == DeletionOutcome.Refused)
            throw new UserErrorException(answer.Reason!);
        return Say(context, name, answer);
    }

    /// <summary>Goes on with a deletion that stopped half-way: something of the run may be left.</summary>
    private static async Task<DeletionAnswer> Finish(
        ClusterSession session, ITrainingRun grain, RunName name, CancellationToken cancellation)
    {
        var answer = await session.Retries.Call(() => grain.Delete(life: null), cancellation);
        return answer.Outcome switch
        {
            DeletionOutcome.IsNotThere => throw ClientException.NoSuchRun(name),
            DeletionOutcome.Refused => throw new UserErrorException(answer.Reason!),
            _ => answer,
        };
    }

    private static int Say(CommandContext context, RunName name, DeletionAnswer answer)
    {
        context.Output.Result($"{name} is deleted; {Formats.Bytes(answer.Bytes)} were freed");
        foreach (var silo in answer.Away)
            context.Output.Result($"silo {silo} does not answer; it removes its checkpoints of {name} when it is back");
        context.Output.Json(new JsonObject
        {
            ["run"] = name.ToString(),
            ["deleted"] = true,
            ["freed_bytes"] = answer.Bytes,
            ["silos_away"] = new JsonArray([.. answer.Away.Select(silo => JsonValue.Create(silo.ToString()))]),
        });
        return ExitCodes.Done;
    }

    private static string Question(RunDescription description)
    {
        var run = description.Summary;
        var checkpoints = Formats.Several(description.Record.Checkpoints.Count, "checkpoint");
        var status = run.Status.ForPeople();
        return $"Delete the run {run.Name} ({status}, step {run.Step} of {run.Steps}, {checkpoints}) for good?";
    }
}

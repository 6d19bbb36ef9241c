using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Client.Commands;

/// <summary>
/// <c>pause RUN</c>, <c>resume RUN</c> and <c>cancel RUN</c>: what is asked of a run, and a run which is over refuses.
/// </summary>
internal sealed class RunRequestCommand : ClientCommand
{
    private readonly RunArgument argument = new();
    private readonly Func<ITrainingRun, Task<bool>> call;
    private readonly string says;

    private RunRequestCommand(string name, string description, Func<ITrainingRun, Task<bool>> call, string says)
        : base(name, description, $"{name} run1")
    {
        (this.call, this.says) = (call, says);
        Arguments.Add(argument);
    }

    /// <summary>All three.</summary>
    public static RunRequestCommand[] All() =>
    [
        new(
            "pause",
            "Pauses a run at the next step boundary, with a checkpoint.",
            grain => grain.Pause(),
            "pauses at the next step boundary"),
        new("resume", "Goes on with a paused run.", grain => grain.Resume(), "goes on"),
        new(
            "cancel",
            "Ends a run at the next step boundary, with a checkpoint.",
            grain => grain.Cancel(),
            "ends at the next step boundary"),
    ];

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var run = argument.Read(context);
        await using var session = await ClusterSession.Open(context, cancellation, isBrief: true);
        var grain = session.Grains.Run(run);
        await session.Retries.Call(
            async () =>
            {
                var description = await grain.Describe() ?? throw ClientException.NoSuchRun(run);
                if (!await call(grain))
                    throw new Core.UserErrorException(Refusal(run, description.Summary.Status));
            },
            cancellation);

        context.Output.Result($"{run} {says}");
        if (session.EndsSilos)
        {
            context.Output.WriteMessage(
                $"the silos of this machine end with this command; 'watch {run}' starts them again for the run");
        }

        context.Output.Json(new() { ["run"] = run.ToString(), ["asked"] = Name });
        return ExitCodes.Done;
    }

    /// <summary>A run that rests but can be resumed is not over.</summary>
    private static string Refusal(RunName run, RunStatus status) => status is RunStatus.Paused or RunStatus.Failed
        ? $"The run {run} rests already ({status.Word()}); 'resume {run}' goes on with it."
        : $"The run {run} is over ({status.ForPeople()}); start another with --run NEW.";
}

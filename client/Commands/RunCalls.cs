using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;

namespace Gpt2Cluster.Client.Commands;

/// <summary>Calls on a run that several commands make.</summary>
internal static class RunCalls
{
    /// <summary>The run in full.</summary>
    /// <exception cref="ClientException">There is none of that name.</exception>
    public static async Task<RunDescription> Describe(
        ClusterSession session, string run, CancellationToken cancellation) =>
        await session.Patience.Call(session.Grains.Run(run).Describe, cancellation)
        ?? throw ClientException.NoSuchRun(run);

    /// <summary>Asks a run for something that a run which is over refuses.</summary>
    /// <param name="context">The command.</param>
    /// <param name="run">The run's name.</param>
    /// <param name="call">What is asked.</param>
    /// <param name="done">What is said when the run has taken it, and its word for programs.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<int> Ask(
        CommandContext context,
        string run,
        Func<ITrainingRun, Task<bool>> call,
        (string Sentence, string Word) done,
        CancellationToken cancellation)
    {
        await using var session = await ClusterSession.Open(context, cancellation);
        var description = await Describe(session, run, cancellation);
        var grain = session.Grains.Run(run);
        if (!await session.Patience.Call(() => call(grain), cancellation))
            throw new Core.UserErrorException(Refusal(run, description.Summary.Status));

        context.Output.Result(done.Sentence);
        if (session.EndsSilos)
        {
            context.Output.WriteMessage(
                $"the silos of this machine end with this command; 'watch {run}' starts them again for the run");
        }

        context.Output.Json(new() { ["run"] = run, ["asked"] = done.Word });
        return ExitCodes.Done;
    }

    /// <summary>A run that rests but can be resumed is not over.</summary>
    private static string Refusal(string run, string status) => status is EndStatus.Paused or EndStatus.Failed
        ? $"The run {run} rests already ({status}); 'resume {run}' goes on with it."
        : $"The run {run} is over ({status.Replace('_', ' ')}); start another with --run NEW.";
}

using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Retries;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.LocalCluster;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>stop</c>: pauses the runs of the local cluster and ends it.</summary>
internal sealed class StopCommand()
    : ClientCommand("stop", "Pauses all runs of the local cluster and ends it.", "stop")
{
    /// <summary>A run that has not paused after this long goes on from its newest checkpoint later.</summary>
    private static readonly TimeSpan PauseBound = TimeSpan.FromSeconds(120);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        if (context.Choices.Cluster is not LocalAddress)
        {
            throw new UsageException(
                "'stop' ends the local cluster only; silos that were started by hand are ended where they run.");
        }

        if (context.LocalCluster.Ending is not { } ending)
        {
            context.Output.Result($"No local cluster runs for '{context.Choices.DataFolder.Root}'.");
            context.Output.Json(new JsonObject { ["stopped"] = false });
            return ExitCodes.Done;
        }

        await PauseAll(context, cancellation);
        await End(ending, cancellation);
        context.Output.Result("The local cluster has ended.");
        context.Output.Json(new JsonObject { ["stopped"] = true });
        return ExitCodes.Done;
    }

    private static async Task PauseAll(CommandContext context, CancellationToken cancellation)
    {
        try
        {
            await using var session = await ClusterSession.Open(context, cancellation);
            var cluster = session.Grains.Cluster();
            var asked = new HashSet<RunName>();
            var left = await Polling.UntilDone(
                Ask, runs => runs.Count == 0, Pause, PauseBound, context.Time, cancellation);
            if (left.Count > 0)
                context.Output.Warn($"{string.Join(", ", left)} did not pause within {PauseBound.TotalSeconds:0} s.");

            async Task<List<RunName>> Ask()
            {
                var runs = await UnfinishedRuns(session, cluster, cancellation);
                foreach (var run in runs.Where(asked.Add))
                {
                    context.Output.WriteMessage($"pausing {run}");
                    await session.Retries.Call(session.Grains.Run(run).Pause, cancellation);
                }

                return runs;
            }
        }
        catch (ClientException problem) when (problem.ExitCode == ExitCodes.Unreachable)
        {
            context.Output.Warn($"{problem.Message} The silos are ended without pausing their runs.");
        }
    }

    private static async Task<List<RunName>> UnfinishedRuns(
        ClusterSession session, ICluster cluster, CancellationToken cancellation)
    {
        var runs = await session.Retries.Call(cluster.Runs, cancellation);
        return [.. runs.Where(run => !run.Status.IsAtRest()).Select(run => run.Name)];
    }

    private static async Task End(Func<CancellationToken, Task> ending, CancellationToken cancellation)
    {
        try
        {
            await ending(cancellation);
        }
        catch (LocalClusterException problem)
        {
            throw ClientException.Of(problem);
        }
    }
}

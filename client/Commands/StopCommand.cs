using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.LocalCluster;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>stop</c>: pauses the runs of the local cluster and ends it.</summary>
internal sealed class StopCommand()
    : ClientCommand("stop", "Pauses all runs of the local cluster and ends it.", "stop")
{
    /// <summary>A run that has not paused after this long goes on from its newest checkpoint later.</summary>
    private static readonly TimeSpan PauseBound = TimeSpan.FromSeconds(120);

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);
    private static readonly string[] Unfinished = ["queued", "preparing", "running"];

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        if (context.Choices.Cluster is not LocalAddress)
        {
            throw new UsageException(
                "'stop' ends the local cluster only; silos that were started by hand are ended where they run.");
        }

        if (!context.LocalCluster.IsRunning)
        {
            context.Output.Result($"No local cluster runs for '{context.Choices.DataFolder.Root}'.");
            context.Output.Json(new JsonObject { ["stopped"] = false });
            return ExitCodes.Done;
        }

        await PauseAll(context, cancellation);
        await End(context, cancellation);
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
            var began = context.Time.GetTimestamp();
            var asked = new HashSet<string>(StringComparer.Ordinal);
            while (await UnfinishedRuns(session, cluster, cancellation) is { Count: > 0 } runs)
            {
                foreach (var run in runs.Where(asked.Add))
                {
                    context.Output.WriteMessage($"pausing {run}");
                    await session.Patience.Call(session.Grains.Run(run).Pause, cancellation);
                }

                if (context.Time.GetElapsedTime(began) > PauseBound)
                {
                    context.Output.Warn(
                        $"{string.Join(", ", runs)} did not pause within {PauseBound.TotalSeconds:0} s.");
                    return;
                }

                await Task.Delay(Poll, context.Time, cancellation);
            }
        }
        catch (ClientException problem) when (problem.ExitCode == ExitCodes.Unreachable)
        {
            context.Output.Warn($"{problem.Message} The silos are ended without pausing their runs.");
        }
    }

    private static async Task<List<string>> UnfinishedRuns(
        ClusterSession session, ICluster cluster, CancellationToken cancellation)
    {
        var runs = await session.Patience.Call(cluster.Runs, cancellation);
        return [.. runs.Where(run => Unfinished.Contains(run.Status)).Select(run => run.Name)];
    }

    private static async Task End(CommandContext context, CancellationToken cancellation)
    {
        try
        {
            await context.LocalCluster.End(cancellation);
        }
        catch (LocalClusterException problem)
        {
            throw ClientException.Of(problem);
        }
    }
}

using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.LocalCluster;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>stop</c>: pauses the runs of the local cluster and ends it.</summary>
internal sealed class StopCommand()
    : ClientCommand("stop", "Pauses all runs of the local cluster and ends it.", "stop")
{
    /// <summary>A run that has not paused after this long goes on from its newest checkpoint later.</summary>
    private static readonly TimeSpan PauseBound = TimeSpan.FromSeconds(120);

    private static readonly TimeSpan EndBound = Supervisor.StopBound + TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        if (context.Choices.Cluster is not LocalAddress)
        {
            throw new UsageException(
                "'stop' ends the local cluster only; silos that were started by hand are ended where they run.");
        }

        var clusters = new LocalClusters(context.Choices.DataFolder, context.Output, context.Time);
        if (clusters.Running() is not { } record)
        {
            context.Output.Result($"No local cluster runs for '{context.Choices.DataFolder.Root}'.");
            context.Output.Json(new JsonObject { ["stopped"] = false });
            return ExitCodes.Done;
        }

        await PauseAll(context, cancellation);
        await End(context, record, cancellation);
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
            var asked = new HashSet<RunName>();
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

    private static async Task<List<RunName>> UnfinishedRuns(
        ClusterSession session, ICluster cluster, CancellationToken cancellation)
    {
        var runs = await session.Patience.Call(cluster.Runs, cancellation);
        return [.. runs.Where(run => !run.Status.IsAtRest()).Select(run => run.Name)];
    }

    private static async Task End(CommandContext context, ClusterRecord record, CancellationToken cancellation)
    {
        var began = context.Time.GetTimestamp();
        Native.AskToEnd(record.Supervisor);
        while (record.Supervisor.IsAlive)
        {
            if (context.Time.GetElapsedTime(began) > EndBound)
            {
                throw new ClientException(
                    ExitCodes.Failed,
                    $"The local cluster's supervisor (process {record.Supervisor.ProcessId}) did not end within "
                    + $"{EndBound.TotalSeconds:0} s; its log is {context.Choices.DataFolder.SupervisorLog}.");
            }

            await Task.Delay(Poll, context.Time, cancellation);
        }
    }
}

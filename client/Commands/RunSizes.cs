using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Client.Commands;

/// <summary>What runs take of the disks of a cluster.</summary>
internal static class RunSizes
{
    /// <summary>A list of runs does not wait longer for a silo that hangs.</summary>
    private static readonly TimeSpan AnswerBound = TimeSpan.FromSeconds(4);

    /// <summary>Bytes by run, on the disks of the silos that answer; a folder that silos share counts once.</summary>
    public static async Task<IReadOnlyDictionary<RunName, long>> All(
        ClusterSession session, TimeProvider time, CancellationToken cancellation)
    {
        var cluster = session.Grains.Cluster();
        var view = await session.Retries.Call(cluster.Describe, cancellation);
        var folders = view.Silos.GroupBy(silo => silo.DataFolderId, StringComparer.Ordinal);
        var answers = await Task.WhenAll(folders.Select(silos => Ask(session, silos.First().Name, time, cancellation)));
        return answers.SelectMany(answer => answer)
            .GroupBy(run => run.Run)
            .ToDictionary(same => same.Key, same => same.Sum(run => run.Bytes));
    }

    private static async Task<RunOnDisk[]> Ask(
        ClusterSession session, SiloName silo, TimeProvider time, CancellationToken cancellation)
    {
        try
        {
            return await session.Grains.Store(silo).RunSizes()
                .WaitAsync(AnswerBound, time, cancellation);
        }
        catch (Exception problem) when (CallRetries.IsTransient(problem) && !cancellation.IsCancellationRequested)
        {
            session.Output.Detail($"silo {silo} does not say what its disk holds: {problem.Message}");
            return [];
        }
    }
}

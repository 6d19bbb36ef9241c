using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Client.Commands;

/// <summary>Calls on a run that several commands make.</summary>
internal static class RunCalls
{
    /// <summary>The run in full.</summary>
    /// <exception cref="ClientException">There is none of that name.</exception>
    public static async Task<RunDescription> Describe(
        ClusterSession session, RunName run, CancellationToken cancellation) =>
        await session.Retries.Call(session.Grains.Run(run).Describe, cancellation)
        ?? throw ClientException.NoSuchRun(run);
}

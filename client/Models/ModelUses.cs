using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Models;

/// <summary>A run that began with a model of the store.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Status">How it stands.</param>
/// <param name="Facts">What says whether it needs the model.</param>
internal sealed record ModelUse(RunName Name, RunStatus Status, OtherRun Facts);

/// <summary>Where a model of the store is used.</summary>
internal static class ModelUses
{
    /// <summary>The runs that began with it, newest first.</summary>
    /// <param name="session">The cluster.</param>
    /// <param name="model">Its name in the store.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<IReadOnlyList<ModelUse>> Of(
        ClusterSession session, string model, CancellationToken cancellation)
    {
        var cluster = session.Grains.Cluster();
        var runs = await session.Retries.Call(cluster.Runs, cancellation);
        var uses = new List<ModelUse>();
        foreach (var run in runs.Where(run => Presets.Canonical(run.Model) == model))
        {
            var grain = session.Grains.Run(run.Name);
            if (await session.Retries.Call(grain.Describe, cancellation) is not { } found)
                continue;
            uses.Add(new ModelUse(run.Name, found.Summary.Status, OtherRun.Of(found.Record)));
        }

        return uses;
    }
}

using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>
/// The datasets of a run that is submitted. The first of several may have been sent long before the last, and until a
/// run names them nothing but their age keeps them on the disks.
/// </summary>
internal static class RunDatasets
{
    /// <summary>Says on all disks that datasets are of use now.</summary>
    /// <param name="grains">Where the silos are called.</param>
    /// <param name="hashes">The datasets.</param>
    /// <param name="cluster">The silos.</param>
    /// <returns>
    /// The first that is on no disk; null if there is none, or if not all silos are there to say so.
    /// </returns>
    public static async Task<string?> Missing(IGrainFactory grains, IReadOnlyList<string> hashes, ClusterView cluster)
    {
        var answers = await Task.WhenAll(
            from hash in hashes
            from silo in cluster.Silos
            select Use(grains, silo.Name, hash, null, null));
        return cluster.IsComplete
            ? hashes.Where((_, index) => answers.Skip(index * cluster.Silos.Length).Take(cluster.Silos.Length)
                .All(isHere => isHere == false)).FirstOrDefault()
            : null;
    }

    /// <summary>
    /// Notes on all disks that a run names its datasets. Silos that do not hear it do so by themselves once they hear
    /// of the run.
    /// </summary>
    /// <param name="grains">Where the silos are called.</param>
    /// <param name="hashes">The datasets.</param>
    /// <param name="cluster">The silos.</param>
    /// <param name="run">The run, which is stored.</param>
    /// <param name="life">Its life.</param>
    public static Task Note(
        IGrainFactory grains, IEnumerable<string> hashes, ClusterView cluster, RunName run, string life) =>
        Task.WhenAll(
            from hash in hashes
            from silo in cluster.Silos
            select Use(grains, silo.Name, hash, run, life));

    /// <summary>Whether it is there; null if the silo does not say, as one of an older version cannot.</summary>
    private static async Task<bool?> Use(IGrainFactory grains, SiloName silo, string hash, RunName? run, string? life)
    {
        try
        {
            return await grains.Store(silo).UseDataset(hash, run, life);
        }
        catch (Exception)
        {
            return null;
        }
    }
}

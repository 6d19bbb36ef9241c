using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Datasets;

/// <summary>What is asked of a dataset until it is done.</summary>
internal static class DatasetCalls
{
    /// <summary>Makes sure that a silo can read every shard quickly.</summary>
    /// <exception cref="TimeoutException">Nobody answers.</exception>
    /// <exception cref="OrleansException">The silo is gone.</exception>
    public static Task BringAllTo(this IDataset dataset, SiloName siloName) =>
        PendingOperations.Await(() => dataset.BringTo(siloName), isDone => isDone);
}

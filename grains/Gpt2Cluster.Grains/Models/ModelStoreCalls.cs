using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Models;

/// <summary>What is asked of a store until it is done.</summary>
internal static class ModelStoreCalls
{
    /// <summary>Copies a stored folder to a store's disk from another's, unless it is there already.</summary>
    /// <exception cref="TimeoutException">The store does not answer.</exception>
    /// <exception cref="OrleansException">Its silo is gone.</exception>
    public static Task<CopyAnswer> BringAll(
        this IModelStore store,
        string relativeFolder,
        SiloName fromSilo,
        string? stateHash = null,
        string[]? deletedLives = null) =>
        PendingOperations.Await(
            () => store.Bring(relativeFolder, fromSilo, stateHash, deletedLives),
            answer => answer.Outcome != CopyOutcome.IsUnderWay);
}

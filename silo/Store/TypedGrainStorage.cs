using Gpt2Cluster.Contracts;
using Orleans.Storage;

namespace Gpt2Cluster.Silo.Store;

/// <summary>
/// Records in the store. A grain reads its own before any call of it passes a filter, so what the store throws becomes
/// <see cref="StoreUnavailableException"/> here.
/// </summary>
/// <param name="storage">Orleans' storage in the same store.</param>
internal sealed class TypedGrainStorage(IGrainStorage storage) : IGrainStorage
{
    /// <inheritdoc/>
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        StoreFaults.Typed(() => storage.ReadStateAsync(stateName, grainId, grainState));

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        StoreFaults.Typed(() => storage.WriteStateAsync(stateName, grainId, grainState));

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        StoreFaults.Typed(() => storage.ClearStateAsync(stateName, grainId, grainState));
}

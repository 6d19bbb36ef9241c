using Gpt2Cluster.Contracts;

namespace Gpt2Cluster.Silo.Store;

/// <summary>
/// Lets no exception of the store's library out of a grain, or come to one from Orleans: the directory and the
/// membership of this silo throw what their store does, and it comes to whoever called a grain.
/// </summary>
internal sealed class StoreFaultFilter : IIncomingGrainCallFilter, IOutgoingGrainCallFilter
{
    /// <inheritdoc/>
    /// <exception cref="StoreUnavailableException">The grain met the store's absence.</exception>
    public Task Invoke(IIncomingGrainCallContext context) => StoreFaults.Typed(context.Invoke);

    /// <inheritdoc/>
    /// <exception cref="StoreUnavailableException">The grain was not found, as the store is away.</exception>
    public Task Invoke(IOutgoingGrainCallContext context) => StoreFaults.Typed(context.Invoke);
}

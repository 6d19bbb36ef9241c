using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Reducers;

/// <summary>
/// The averaging of a run on one silo, as the coordinator sees it: it says who takes part. The sums themselves are made
/// where the bytes arrive, in the silo's <see cref="IRunExchange"/>.
/// </summary>
[SiloPinned]
internal sealed class ReducerGrain(RunExchanges exchanges) : Grain, IReducer
{
    private int newestGeneration;

    /// <inheritdoc/>
    public Task<bool> Configure(
        RunName run, int generation, int leafCount, long elementCount, ExchangeMember[] silos)
    {
        if (generation < newestGeneration)
            return Task.FromResult(false);
        newestGeneration = generation;
        var ownName = GrainKeys.SiloOf(this.GetPrimaryKeyString());
        var membership = new ExchangeMembership
        {
            Run = run,
            Generation = generation,
            LeafCount = leafCount,
            Silos = silos,
            OwnIndex = Array.FindIndex(silos, silo => silo.SiloName == ownName),
        };
        return Task.FromResult(exchanges.Configure(membership, elementCount));
    }

    /// <inheritdoc/>
    public Task Close(RunName run, int generation)
    {
        exchanges.Close(run, generation);
        return Task.CompletedTask;
    }
}

using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Grains.Placement;
using Orleans.Concurrency;

namespace Gpt2Cluster.Grains.Datasets;

/// <summary>
/// Knows which silos hold a dataset. Nothing is kept in the store: the disks are asked, so that a silo that comes back,
/// or one that shares a data folder, is a holder without being told.
/// </summary>
[Reentrant]
public sealed class DatasetGrain(TimeProvider time) : Grain, IDataset
{
    /// <summary>Datasets below this many bytes are copied to every silo that reads them.</summary>
    public const long CopiedBelowBytes = 64L << 20;

    /// <summary>Silos that hold a large dataset, if there are as many disks.</summary>
    public const int HolderCount = 2;

    private readonly HashSet<SiloName> asked = [];
    private readonly HashSet<SiloName> holders = [];
    private readonly PendingOperations<bool> copies = new(time);
    private DatasetDescription? description;

    private string Hash => this.GetPrimaryKeyString();

    /// <inheritdoc/>
    public async Task<DatasetDescription?> Describe()
    {
        var silos = await AskSilos();
        var present = silos.Select(silo => silo.Name).Where(holders.Contains).ToArray();
        return present.Length == 0 || description is null ? null : description with { Holders = present };
    }

    /// <inheritdoc/>
    public Task AddHolder(SiloName siloName, DatasetDescription description)
    {
        this.description = description;
        holders.Add(siloName);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task ForgetHolders()
    {
        asked.Clear();
        holders.Clear();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<bool> BringTo(SiloName siloName) =>
        copies.Ask(siloName.ToString(), () => CopyTo(siloName), isUnderWay: false);

    /// <summary>True once it is there, or cannot be.</summary>
    private async Task<bool> CopyTo(SiloName siloName)
    {
        var silos = await AskSilos();
        var present = silos.Where(silo => holders.Contains(silo.Name)).ToList();
        if (description is null || present.Count == 0 || holders.Contains(siloName))
            return true;
        var disks = present.Select(silo => silo.DataFolderId).Distinct().Count();
        if (description.TokenCount * sizeof(ushort) >= CopiedBelowBytes && disks >= HolderCount)
            return true;
        foreach (var holder in present)
        {
            var store = GrainFactory.Store(siloName);
            var answer = await store.BringAll($"datasets/{Hash}", holder.Name);
            if (answer.Outcome != CopyOutcome.IsHere)
                continue;
            holders.Add(siloName);
            break;
        }

        return true;
    }

    /// <summary>Asks the silos that were not asked yet, and those again that were known not to have it.</summary>
    private async Task<SiloDescription[]> AskSilos()
    {
        var view = await GrainFactory.Cluster().Describe();
        asked.IntersectWith(view.Silos.Select(silo => silo.Name));
        foreach (var silo in view.Silos.Where(silo => !holders.Contains(silo.Name)))
        {
            if (!asked.Add(silo.Name) && holders.Count > 0)
                continue;
            if (await Ask(silo.Name) is not { } found)
                continue;
            description ??= found;
            holders.Add(silo.Name);
        }

        return view.Silos;
    }

    private async Task<DatasetDescription?> Ask(SiloName siloName)
    {
        try
        {
            return await GrainFactory.Store(siloName).Dataset(Hash);
        }
        catch (Exception problem) when (TransientErrors.Is(problem))
        {
            // A silo that cannot answer is not a holder now; it is asked again when it is back.
            asked.Remove(siloName);
            return null;
        }
    }
}

using System.Collections.Concurrent;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Data.Datasets;
using Wire = Gpt2Cluster.Contracts.Datasets.DatasetDescription;

namespace Gpt2Cluster.Grains.Datasets;

/// <summary>The datasets of this silo that are open: each is verified once and then read by all its shards.</summary>
/// <param name="directory">Where they lie.</param>
public sealed class StoredDatasets(DatasetDirectory directory) : IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<Task<StoredDataset>>> open = new(StringComparer.Ordinal);

    /// <summary>The dataset of that hash, open. Verifying tens of gigabytes takes a thread of its own.</summary>
    /// <exception cref="UserErrorException">It is not here, or damaged.</exception>
    public async Task<StoredDataset> Open(string hash)
    {
        // One that was removed, maybe by a silo that shares the folder, is closed by the collector: it may be in use.
        if (!directory.Contains(hash))
            open.TryRemove(hash, out _);
        var opening = open.GetOrAdd(hash, key => new Lazy<Task<StoredDataset>>(() => Verify(key)));
        try
        {
            return await opening.Value;
        }
        catch
        {
            open.TryRemove(new(hash, opening));
            throw;
        }
    }

    /// <summary>The description as it travels.</summary>
    public static Wire Describe(DatasetDescription description, params SiloName[] holders)
    {
        ArgumentNullException.ThrowIfNull(description);
        return new Wire
        {
            Hash = description.Sha256,
            TokenCount = description.TokenCount,
            DocumentCount = description.DocumentCount,
            Provenance = description.Provenance,
            ShardTokens = description.ShardTokens,
            Holders = holders,
        };
    }

    /// <summary>Whether a dataset is here as its hash says, by reading all of it now.</summary>
    internal static Task<bool> IsWhole(DatasetDirectory directory, string hash) => DedicatedThread.Run(
        "verify dataset",
        () =>
        {
            try
            {
                directory.Open(hash).Dispose();
                return true;
            }
            catch (UserErrorException)
            {
                return false;
            }
        });

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var opening in open.Values.Where(opening => opening.IsValueCreated))
        {
            if (opening.Value.IsCompletedSuccessfully)
                opening.Value.Result.Dispose();
        }
    }

    private Task<StoredDataset> Verify(string hash) =>
        DedicatedThread.Run("verify dataset", () => directory.Open(hash));
}

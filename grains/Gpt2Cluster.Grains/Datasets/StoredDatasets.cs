using System.Collections.Concurrent;
using Gpt2Cluster.Data.Datasets;
using Wire = Gpt2Cluster.Contracts.Datasets.DatasetDescription;

namespace Gpt2Cluster.Grains.Datasets;

/// <summary>The datasets of this silo that are open: each is verified once and then read by all its shards.</summary>
/// <param name="directory">Where they lie.</param>
public sealed class StoredDatasets(DatasetDirectory directory) : IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<StoredDataset>> open = new(StringComparer.Ordinal);

    /// <summary>The dataset of that hash, open.</summary>
    /// <exception cref="Core.UserErrorException">It is not here, or damaged.</exception>
    public StoredDataset Open(string hash)
    {
        var lazy = open.GetOrAdd(hash, key => new Lazy<StoredDataset>(() => directory.Open(key)));
        try
        {
            return lazy.Value;
        }
        catch
        {
            open.TryRemove(new(hash, lazy));
            throw;
        }
    }

    /// <summary>The description as it travels.</summary>
    public static Wire Describe(DatasetDescription description, params string[] holders)
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

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var dataset in open.Values.Where(dataset => dataset.IsValueCreated))
            dataset.Value.Dispose();
    }
}

using System.Runtime.InteropServices;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Grains.Placement;
using Orleans.Concurrency;

namespace Gpt2Cluster.Grains.Datasets;

/// <summary>A slice of tokens on this silo's disk.</summary>
[SiloPinned, Reentrant]
public sealed class DataShardGrain(StoredDatasets datasets, TimeProvider time) : Grain, IDataShard
{
    /// <summary>Tokens of the longest answer: 1 MiB.</summary>
    public const int MaximumTokens = Piece.MaximumBytes / sizeof(ushort);

    private readonly PendingOperations<StoredDataset?> verifying = new(time);
    private StoredDataset? dataset;

    /// <inheritdoc/>
    public async Task<byte[]?> Read(int start, int count)
    {
        var (_, hash, shard) = ShardId.Parse(this.GetPrimaryKeyString());
        dataset ??= await verifying.Ask(hash, async () => await datasets.Open(hash), isUnderWay: null);
        if (dataset is null)
            return null;
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaximumTokens);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, dataset.Description.TokensOf(shard) - count);
        var bytes = new byte[count * sizeof(ushort)];
        var first = (long)shard * dataset.Description.ShardTokens + start;
        dataset.Read(first, MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan()));
        return bytes;
    }
}

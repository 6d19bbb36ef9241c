using System.Runtime.InteropServices;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>Reads tokens of one dataset from the shards' holders: this silo's first, then the others at once.</summary>
internal sealed class WindowReader(IGrainFactory grains, string ownSilo, DatasetDescription dataset)
{
    /// <summary>The holders, the own silo first if it is one.</summary>
    private readonly IReadOnlyList<string> holders =
        [.. dataset.Holders.OrderBy(holder => holder == ownSilo ? 0 : 1)];

    /// <summary>Reads windows of <paramref name="sequenceLength"/> + 1 tokens, one behind the other.</summary>
    /// <param name="step">The step the micro-batch belongs to.</param>
    /// <param name="index">Its place in the global batch.</param>
    /// <param name="starts">The first token of each window.</param>
    /// <param name="sequenceLength">T.</param>
    public async Task<MicroBatch> Read(long step, int index, IReadOnlyList<long> starts, int sequenceLength)
    {
        var windowTokens = sequenceLength + 1;
        var tokens = new ushort[starts.Count * windowTokens];
        await Task.WhenAll(starts.Select((start, window) =>
            ReadTokens(start, tokens.AsMemory(window * windowTokens, windowTokens))));
        return new MicroBatch(step, index, tokens, starts.Count, sequenceLength);
    }

    private async Task ReadTokens(long start, Memory<ushort> into)
    {
        while (into.Length > 0)
        {
            var shard = (int)(start / dataset.ShardTokens);
            var inside = (int)(start % dataset.ShardTokens);
            var count = Math.Min(into.Length, dataset.ShardTokens - inside);
            var bytes = await ReadFromAnyHolder(shard, inside, count);
            bytes.CopyTo(MemoryMarshal.AsBytes(into.Span));
            into = into[count..];
            start += count;
        }
    }

    private async Task<byte[]> ReadFromAnyHolder(int shard, int start, int count)
    {
        Exception? last = null;
        foreach (var holder in holders)
        {
            try
            {
                return await grains.GetGrain<IDataShard>(GrainKeys.DataShard(holder, dataset.Hash, shard))
                    .Read(start, count);
            }
            catch (Exception exception) when (exception is OrleansException or TimeoutException or IOException)
            {
                last = exception;
            }
        }

        throw new IOException($"No silo serves shard {shard} of dataset {dataset.Hash}.", last);
    }
}

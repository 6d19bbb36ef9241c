using System.Runtime.InteropServices;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>Reads tokens of one dataset from the shards' holders: this silo's first, then the others at once.</summary>
/// <param name="shardOf">The shard of that index on the silo of that name.</param>
/// <param name="ownSilo">This silo.</param>
/// <param name="dataset">What is read.</param>
internal sealed class WindowReader(Func<string, int, IDataShard> shardOf, string ownSilo, DatasetDescription dataset)
{
    /// <summary>Holders that are silent are asked so often: an answer may be lost, and a machine be busy.</summary>
    private const int RoundsOfSilence = 3;

    /// <summary>The holders, the own silo first if it is one; one whose shards are damaged comes last.</summary>
    private volatile string[] holders = [.. dataset.Holders.OrderBy(holder => holder == ownSilo ? 0 : 1)];

    /// <summary>Reads from the grains that hold the shards.</summary>
    public WindowReader(IGrainFactory grains, string ownSilo, DatasetDescription dataset)
        : this(
            (holder, shard) => grains.GetGrain<IDataShard>(GrainKeys.DataShard(holder, dataset.Hash, shard)),
            ownSilo,
            dataset)
    {
    }

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
        for (var round = 0; round == 0 || (last is TimeoutException && round < RoundsOfSilence); round++)
        {
            try
            {
                return await ReadInTurn(shard, start, count);
            }
            catch (IOException problem)
            {
                last = problem.InnerException;
            }
        }

        throw new IOException($"No silo serves shard {shard} of dataset {dataset.Hash}: {last?.Message}", last);
    }

    private async Task<byte[]> ReadInTurn(int shard, int start, int count)
    {
        Exception? last = null;
        foreach (var holder in holders)
        {
            try
            {
                return await ReadVerified(shardOf(holder, shard), start, count);
            }
            catch (Exception exception) when (exception is OrleansException or TimeoutException or IOException)
            {
                // Of several reasons, silence is the one that may pass.
                last = last is TimeoutException ? last : exception;
            }
            catch (Exception exception)
            {
                // It holds the dataset and cannot give it: its disk is bad. Asked again, it would verify all again.
                last ??= exception;
                holders = [.. holders.Where(other => other != holder), holder];
            }
        }

        throw new IOException(last?.Message, last);
    }

    private static async Task<byte[]> ReadVerified(IDataShard shard, int start, int count)
    {
        while (true)
        {
            if (await shard.Read(start, count) is { } bytes)
                return bytes;
        }
    }
}

using System.Runtime.InteropServices;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// Reads tokens of one dataset from the shards' holders: this silo's first, then the others at once. While none of them
/// can be reached it looks for others and asks again: silos are started again, and a read waits for that.
/// </summary>
/// <param name="source">Where the dataset and its shards are asked for.</param>
/// <param name="ownSilo">This silo.</param>
/// <param name="dataset">What is read.</param>
/// <param name="time">The clock.</param>
internal sealed class WindowReader(
    IDatasetSource source, string ownSilo, DatasetDescription dataset, TimeProvider time)
{
    /// <summary>A dataset is waited for this long: a machine that is started again needs some minutes.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>Between two looks for it.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly HashSet<string> bad = new(StringComparer.Ordinal);
    private readonly Lock gate = new();

    /// <summary>The holders, the own silo first if it is one; those whose shards are damaged come last.</summary>
    private volatile string[] holders = [.. dataset.Holders.OrderBy(holder => holder == ownSilo ? 0 : 1)];

    /// <summary>Reads windows of <paramref name="sequenceLength"/> + 1 tokens, one behind the other.</summary>
    /// <param name="step">The step the micro-batch belongs to.</param>
    /// <param name="index">Its place in the global batch.</param>
    /// <param name="starts">The first token of each window.</param>
    /// <param name="sequenceLength">T.</param>
    /// <exception cref="IOException">No silo can give them.</exception>
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
        var began = time.GetTimestamp();
        while (true)
        {
            var (bytes, problem) = await ReadInTurn(shard, start, count);
            if (bytes is not null)
                return bytes;
            if (!MayPass(problem) || time.GetElapsedTime(began) >= Patience)
            {
                throw new IOException(
                    $"No silo serves shard {shard} of dataset {dataset.Hash}: {problem?.Message}", problem);
            }

            await Task.Delay(Pause, time);
            await LookForHolders();
        }
    }

    /// <summary>Asks one holder after the other. Of several problems it tells the one that may pass.</summary>
    private async Task<(byte[]? Bytes, Exception? Problem)> ReadInTurn(int shard, int start, int count)
    {
        Exception? problem = null;
        foreach (var holder in holders)
        {
            try
            {
                return (await ReadVerified(source.Shard(holder, shard), start, count), null);
            }
            catch (Exception exception) when (MayPass(exception))
            {
                problem = exception;
            }
            catch (Exception exception)
            {
                // It holds the dataset and cannot give it: its disk is bad. Asked again, it would verify all again.
                problem ??= exception;
                Learn(known => known, holder);
            }
        }

        return (null, problem);
    }

    private async Task LookForHolders()
    {
        try
        {
            if (await source.Describe() is { } found)
                Learn(known => [.. known.Union(found.Holders)], null);
        }
        catch (Exception exception) when (MayPass(exception))
        {
            // The next look may be luckier.
        }
    }

    private void Learn(Func<string[], string[]> learn, string? badOne)
    {
        lock (gate)
        {
            if (badOne is not null)
                bad.Add(badOne);
            holders =
            [
                .. learn(holders).OrderBy(holder => bad.Contains(holder) ? 2 : holder == ownSilo ? 0 : 1),
            ];
        }
    }

    private static bool MayPass(Exception? problem) =>
        problem is not null && (Outage.Is(problem) || problem is IOException);

    private static async Task<byte[]> ReadVerified(IDataShard shard, int start, int count)
    {
        while (true)
        {
            if (await shard.Read(start, count) is { } bytes)
                return bytes;
        }
    }
}

/// <summary>Where a dataset and its shards are asked for.</summary>
internal interface IDatasetSource
{
    /// <summary>What the dataset holds and who has it; null if no silo that can be reached does.</summary>
    Task<DatasetDescription?> Describe();

    /// <summary>A shard on a silo's disk.</summary>
    IDataShard Shard(string holder, int index);
}

/// <summary>Asks the grains.</summary>
internal sealed class DatasetSource(IGrainFactory grains, string hash) : IDatasetSource
{
    /// <inheritdoc/>
    public Task<DatasetDescription?> Describe() => grains.GetGrain<IDataset>(hash).Describe();

    /// <inheritdoc/>
    public IDataShard Shard(string holder, int index) =>
        grains.GetGrain<IDataShard>(GrainKeys.DataShard(holder, hash, index));
}

using System.Runtime.InteropServices;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Retries;
using Gpt2Cluster.Grains.Datasets;

namespace Gpt2Cluster.Grains.Workers.Windows;

/// <summary>
/// Reads tokens of one dataset: from this silo's disk if they are there, which calls no grain, else from the shards'
/// other holders at once. While none of them can be reached it looks for others and asks again: silos are started
/// again, and a read waits for that.
/// </summary>
/// <param name="source">Where the dataset and its shards are asked for.</param>
/// <param name="ownSilo">This silo.</param>
/// <param name="dataset">What is read.</param>
/// <param name="time">The clock.</param>
internal sealed class WindowReader(
    IDatasetSource source, SiloName ownSilo, DatasetDescription dataset, TimeProvider time)
{
    /// <summary>A dataset is waited for this long: a machine that is started again needs some minutes.</summary>
    public static readonly TimeSpan Bound = TimeSpan.FromMinutes(3);

    /// <summary>Between two looks for it.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly HashSet<SiloName> bad = [];
    private readonly Lock gate = new();

    private readonly RetryPolicy policy = new(
        new() { Operation = "window-read", IsTransient = MayPass, Bound = Bound, Pause = Pause }, time);

    /// <summary>The holders, the own silo first if it is one; those whose shards are damaged come last.</summary>
    private volatile SiloName[] holders = [.. dataset.Holders.OrderBy(holder => holder == ownSilo ? 0 : 1)];

    /// <summary>Reads windows of <paramref name="sequenceLength"/> + 1 tokens, one behind the other.</summary>
    /// <param name="step">The step the micro-batch belongs to.</param>
    /// <param name="index">Its place in the global batch.</param>
    /// <param name="starts">The first token of each window.</param>
    /// <param name="sequenceLength">T.</param>
    /// <exception cref="IOException">No silo can give them.</exception>
    public Task<MicroBatch> Read(long step, int index, IEnumerable<long> starts, int sequenceLength) =>
        Read(step, index, [.. starts.Select(start => (this, start))], sequenceLength);

    /// <summary>The same for windows of several datasets.</summary>
    /// <param name="step">The step the micro-batch belongs to.</param>
    /// <param name="index">Its place in the global batch.</param>
    /// <param name="windows">Who reads each window, and its first token.</param>
    /// <param name="sequenceLength">T.</param>
    /// <exception cref="IOException">No silo can give them.</exception>
    public static async Task<MicroBatch> Read(
        long step, int index, IReadOnlyList<(WindowReader Reader, long Start)> windows, int sequenceLength)
    {
        var windowTokens = sequenceLength + 1;
        var tokens = new ushort[windows.Count * windowTokens];
        await Task.WhenAll(windows.Select((window, place) =>
            window.Reader.ReadTokens(window.Start, tokens.AsMemory(place * windowTokens, windowTokens))));
        return new MicroBatch(step, index, tokens, windows.Count, sequenceLength);
    }

    private async Task ReadTokens(long start, Memory<ushort> into)
    {
        while (into.Length > 0)
        {
            var shard = (int)(start / dataset.ShardTokens);
            var inside = (int)(start % dataset.ShardTokens);
            var count = Math.Min(into.Length, dataset.ShardTokens - inside);
            await ReadFromAnyHolder(shard, inside, into[..count]);
            into = into[count..];
            start += count;
        }
    }

    private async Task ReadFromAnyHolder(int shard, int start, Memory<ushort> into)
    {
        try
        {
            await policy.Run(async made =>
            {
                if (made > 0)
                    await LookForHolders();
                await ReadInTurn(shard, start, into);
            });
        }
        catch (Exception problem)
        {
            throw new IOException(
                $"No silo serves shard {shard} of dataset {dataset.Hash}: {problem.Message}", problem);
        }
    }

    /// <summary>Asks one holder after the other. Of several problems it throws the one that may pass.</summary>
    private async Task ReadInTurn(int shard, int start, Memory<ushort> into)
    {
        Exception? problem = null;
        foreach (var holder in holders)
        {
            try
            {
                if (holder == ownSilo)
                    await source.ReadHere((long)shard * dataset.ShardTokens + start, into);
                else
                    await ReadVerified(source.Shard(holder, shard), start, into);
                return;
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

        throw problem ?? new InvalidOperationException("No silo is known to have it.");
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

    private void Learn(Func<SiloName[], SiloName[]> learn, SiloName? badOne)
    {
        lock (gate)
        {
            if (badOne is { } one)
                bad.Add(one);
            holders =
            [
                .. learn(holders).OrderBy(holder => bad.Contains(holder) ? 2 : holder == ownSilo ? 0 : 1),
            ];
        }
    }

    private static bool MayPass(Exception problem) => TransientErrors.Is(problem) || problem is IOException;

    private static async Task ReadVerified(IDataShard shard, int start, Memory<ushort> into)
    {
        var bytes = await Polling.UntilDone(() => shard.Read(start, into.Length), answer => answer is not null);
        bytes.CopyTo(MemoryMarshal.AsBytes(into.Span));
    }
}

/// <summary>Where a dataset and its shards are asked for.</summary>
internal interface IDatasetSource
{
    /// <summary>What the dataset holds and who has it; null if no silo that can be reached does.</summary>
    Task<DatasetDescription?> Describe();

    /// <summary>Reads tokens from this silo's own disk, from the index <paramref name="start"/> on.</summary>
    /// <exception cref="Core.UserErrorException">The dataset is not here, or damaged.</exception>
    /// <exception cref="IOException">The disk gives nothing now.</exception>
    Task ReadHere(long start, Memory<ushort> into);

    /// <summary>A shard on another silo's disk.</summary>
    IDataShard Shard(SiloName holder, int index);
}

/// <summary>Asks the own disk and the other silos' grains.</summary>
internal sealed class DatasetSource(IGrainFactory grains, StoredDatasets datasets, string hash) : IDatasetSource
{
    /// <inheritdoc/>
    public Task<DatasetDescription?> Describe() => grains.Dataset(hash).Describe();

    /// <inheritdoc/>
    public async Task ReadHere(long start, Memory<ushort> into) =>
        await (await datasets.Open(hash)).ReadAsync(start, into);

    /// <inheritdoc/>
    public IDataShard Shard(SiloName holder, int index) =>
        grains.Shard(new ShardId(holder, hash, index));
}

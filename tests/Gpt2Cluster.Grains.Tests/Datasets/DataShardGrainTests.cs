using System.Runtime.InteropServices;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Grains.Datasets;
using Gpt2Cluster.Grains.Tests.Silos;

namespace Gpt2Cluster.Grains.Tests.Datasets;

/// <summary>A window is what was tokenised, or there is none.</summary>
[Collection(TwoSilosCollection.Name)]
public sealed class DataShardGrainTests(TwoSilos silos)
{
    private const int ShardTokens = 70;

    private static readonly ushort[] Tokens = [.. Enumerable.Range(0, 200).Select(index => (ushort)(index * 31))];

    [Theory]
    [InlineData(0, 0, 17)]
    [InlineData(0, 69, 1)]
    [InlineData(1, 3, 67)]
    [InlineData(2, 0, 60)]
    [InlineData(2, 60, 0)]
    public async Task A_range_of_a_shard_is_its_tokens(int shard, int start, int count)
    {
        var hash = Store();
        var bytes = await Read(hash, shard, start, count);
        Assert.Equal(Bytes(Tokens.AsSpan(shard * ShardTokens + start, count)), bytes);
    }

    [Theory]
    [InlineData(0, -1, 1)]
    [InlineData(0, 0, -1)]
    [InlineData(0, 70, 1)]
    [InlineData(1, 3, 68)]
    [InlineData(2, 0, 61)]
    [InlineData(3, 0, 1)]
    [InlineData(-1, 0, 1)]
    [InlineData(0, 0, DataShardGrain.MaximumTokens + 1)]
    [InlineData(0, int.MaxValue, int.MaxValue)]
    public async Task A_range_that_leaves_the_shard_is_refused(int shard, int start, int count)
    {
        var hash = Store();
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Read(hash, shard, start, count));
    }

    [Fact]
    public async Task A_dataset_that_is_not_here_gives_nothing_until_it_was_brought()
    {
        var dataset = await silos.Grains.StoreDataset(silos.A.Name, [.. Tokens.Take(50)]);
        var elsewhere = silos.Grains.Shard(new ShardId(silos.B.Name, dataset.Hash, 0));
        var problem = await Assert.ThrowsAsync<UserErrorException>(() => elsewhere.Read(0, 50));
        Assert.Contains(dataset.Hash, problem.Message, StringComparison.Ordinal);

        await TwoSilos.Ask(() => silos.Grains.Dataset(dataset.Hash).BringTo(silos.B.Name), isDone => isDone);
        var bytes = await TwoSilos.Ask(() => elsewhere.Read(0, 50), found => found is not null);
        Assert.Equal(Bytes(Tokens.AsSpan(0, 50)), bytes);
        var holders = (await silos.Grains.Dataset(dataset.Hash).Describe())!.Holders;
        Assert.Equal([silos.A.Name, silos.B.Name], holders.OrderBy(silo => $"{silo}", StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_damaged_dataset_gives_nothing_until_it_was_sent_again()
    {
        ushort[] tokens = [.. Tokens.Skip(100)];
        var dataset = await silos.Grains.StoreDataset(silos.A.Name, tokens);
        var file = silos.A.File($"datasets/{dataset.Hash}/shard-00000.bin");
        var bytes = await File.ReadAllBytesAsync(file);
        bytes[7] ^= 1;
        await File.WriteAllBytesAsync(file, bytes);
        var problem = await Assert.ThrowsAsync<UserErrorException>(() => Read(dataset.Hash, 0, 0, 10));
        Assert.Contains("damaged", problem.Message, StringComparison.Ordinal);

        await silos.Grains.StoreDataset(silos.A.Name, tokens);
        Assert.Equal(Bytes(tokens.AsSpan(0, 10)), await Read(dataset.Hash, 0, 0, 10));
    }

    private async Task<byte[]?> Read(string hash, int shard, int start, int count)
    {
        var grain = silos.Grains.Shard(new ShardId(silos.A.Name, hash, shard));
        return await TwoSilos.Ask(() => grain.Read(start, count), found => found is not null);
    }

    private static byte[] Bytes(ReadOnlySpan<ushort> tokens) => MemoryMarshal.AsBytes(tokens).ToArray();

    /// <summary>A dataset of three shards; a client's has one a 4 Mi tokens.</summary>
    private string Store()
    {
        using var staging = new DatasetDirectory(silos.A.File("datasets")).Begin(ShardTokens);
        using var tokenizer = new DatasetTokenizer(staging.Output);
        tokenizer.BeginDocument("tokens");
        tokenizer.Tokens(Tokens);
        tokenizer.EndArray();
        tokenizer.EndDocument();
        return staging.Publish(tokenizer.Complete(), "a test").Sha256;
    }
}

using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core;
using Gpt2Cluster.Grains.Workers;

namespace Gpt2Cluster.Grains.Tests.Workers;

public sealed class WindowReaderTests
{
    private static readonly DatasetDescription Dataset = new()
    {
        Hash = "d",
        TokenCount = 10,
        DocumentCount = 1,
        Provenance = "",
        ShardTokens = 10,
        Holders = ["a", "b"],
    };

    private readonly List<string> asked = [];

    [Fact]
    public async Task The_own_disk_is_read_first()
    {
        await Reader(own: "b", bad: new IOException()).Read(1, 0, [3], 2);
        Assert.Equal(["b"], asked);
    }

    [Fact]
    public async Task A_silo_that_does_not_answer_is_asked_first_again()
    {
        var reader = Reader(own: "a", bad: new TimeoutException());
        await reader.Read(1, 0, [3], 2);
        await reader.Read(1, 1, [3], 2);
        Assert.Equal(["a", "b", "a", "b"], asked);
    }

    [Fact]
    public async Task A_damaged_shard_on_the_own_disk_is_read_elsewhere_from_then_on()
    {
        var reader = Reader(own: "a", bad: new UserErrorException("shard 0 is damaged"));
        await reader.Read(1, 0, [3], 2);
        await reader.Read(1, 1, [3], 2);
        Assert.Equal(["a", "b", "b"], asked);
    }

    [Fact]
    public async Task A_shard_that_is_still_verified_is_asked_again()
    {
        var reader = new WindowReader(
            (holder, _) => new Shard(() => asked.Add(holder), problem: null, pending: 2), "b", Dataset);
        await reader.Read(1, 0, [3], 2);
        Assert.Equal(["b", "b", "b"], asked);
    }

    [Fact]
    public async Task Silent_holders_are_asked_three_times()
    {
        var reader = new WindowReader(
            (holder, _) => new Shard(
                () => asked.Add(holder), holder == "a" ? new TimeoutException() : new IOException()),
            "a",
            Dataset);
        await Assert.ThrowsAsync<IOException>(() => reader.Read(1, 0, [3], 2));
        Assert.Equal(["a", "b", "a", "b", "a", "b"], asked);
    }

    /// <summary>Silo a cannot give what it holds.</summary>
    private WindowReader Reader(string own, Exception bad) =>
        new((holder, _) => new Shard(() => asked.Add(holder), holder == "a" ? bad : null), own, Dataset);

    private sealed class Shard(Action heard, Exception? problem, int pending = 0) : IDataShard
    {
        private int left = pending;

        public Task<byte[]?> Read(int start, int count)
        {
            heard();
            if (problem is not null)
                return Task.FromException<byte[]?>(problem);
            return Task.FromResult(left-- > 0 ? null : new byte[count * sizeof(ushort)]);
        }
    }
}

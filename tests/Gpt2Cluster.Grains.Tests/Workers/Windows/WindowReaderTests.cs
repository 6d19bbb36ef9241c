using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Grains.Workers.Windows;
using Microsoft.Extensions.Time.Testing;

namespace Gpt2Cluster.Grains.Tests.Workers.Windows;

public sealed class WindowReaderTests
{
    private static readonly DatasetDescription Dataset = new()
    {
        Hash = "d",
        TokenCount = 10,
        DocumentCount = 1,
        Provenance = "",
        ShardTokens = 10,
        Holders = ["a".Silo(), "b".Silo()],
    };

    private readonly FakeTimeProvider time = new();
    private readonly List<string> asked = [];

    [Fact]
    public async Task The_own_disk_is_read_first()
    {
        await Read(Reader("b", bad: new IOException()));
        Assert.Equal(["b"], asked);
    }

    [Fact]
    public async Task A_silo_that_does_not_answer_is_asked_first_again()
    {
        var reader = Reader("a", bad: new TimeoutException());
        await Read(reader);
        await Read(reader);
        Assert.Equal(["a", "b", "a", "b"], asked);
    }

    [Fact]
    public async Task A_damaged_shard_on_the_own_disk_is_read_elsewhere_from_then_on()
    {
        var reader = Reader("a", bad: new UserErrorException("shard 0 is damaged"));
        await Read(reader);
        await Read(reader);
        Assert.Equal(["a", "b", "b"], asked);
    }

    [Fact]
    public async Task A_shard_that_is_still_verified_is_asked_again()
    {
        var pendingCount = 2;
        await Read(Reader("c", holder => pendingCount-- > 0 ? null : [0, 0, 0, 0, 0, 0]));
        Assert.Equal(["a", "a", "a"], asked);
    }

    [Fact]
    public async Task Holders_that_are_started_again_are_waited_for()
    {
        var attemptCount = 0;
        await Read(Reader("c", holder => ++attemptCount > 10 ? new byte[6] : throw new TimeoutException()));
        Assert.Equal(11, attemptCount);
    }

    [Fact]
    public async Task Who_has_copied_it_meanwhile_is_asked_too()
    {
        var reader = Reader("c", holder => holder == "d" ? new byte[6] : throw new TimeoutException(), ["b", "d"]);
        await Read(reader);
        await Read(reader);
        Assert.Equal(["a", "b", "a", "b", "d", "a", "b", "d"], asked);
    }

    [Fact]
    public async Task After_some_minutes_it_is_said_that_nobody_serves_it()
    {
        var began = time.GetTimestamp();
        var problem = await Assert.ThrowsAsync<IOException>(
            () => Read(Reader("c", holder => throw new TimeoutException("no answer"))));
        Assert.Contains("No silo serves shard 0 of dataset d: no answer", problem.Message, StringComparison.Ordinal);
        Assert.InRange(time.GetElapsedTime(began), WindowReader.Bound, WindowReader.Bound * 2);
    }

    [Fact]
    public async Task Bad_disks_only_are_not_waited_for()
    {
        await Assert.ThrowsAsync<IOException>(
            () => Read(Reader("c", holder => throw new UserErrorException("shard 0 is damaged"))));
        Assert.Equal(["a", "b"], asked);
    }

    /// <summary>Silo a cannot give what it holds.</summary>
    private WindowReader Reader(string own, Exception bad) =>
        Reader(own, holder => holder == "a" ? throw bad : new byte[6]);

    private WindowReader Reader(string own, Func<string, byte[]?> answer, string[]? holdersThen = null) =>
        new(new Source(this, own.Silo(), answer, holdersThen?.Select(SiloName.Parse).ToArray() ?? Dataset.Holders),
            own.Silo(), Dataset, time);

    /// <summary>Reads three tokens; time passes while that waits.</summary>
    private async Task Read(WindowReader reader)
    {
        Task<MicroBatch> reading = reader.Read(1, 0, [3], 2);
        while (!reading.IsCompleted)
            time.Advance(WindowReader.Pause);
        await reading;
    }

    private sealed class Source(
        WindowReaderTests tests, SiloName own, Func<string, byte[]?> answer, SiloName[] holders) : IDatasetSource
    {
        public Task<DatasetDescription?> Describe() =>
            Task.FromResult<DatasetDescription?>(Dataset with { Holders = holders });

        public Task ReadHere(long start, Memory<ushort> into) => new HeldShard(tests, own, answer).Read(0, into.Length);

        public IDataShard Shard(SiloName holder, int index)
        {
            Assert.NotEqual(own, holder);
            return new HeldShard(tests, holder, answer);
        }
    }

    private sealed class HeldShard(WindowReaderTests tests, SiloName holder, Func<string, byte[]?> answer) : IDataShard
    {
        public Task<byte[]?> Read(int start, int count)
        {
            tests.asked.Add(holder.ToString());
            try
            {
                return Task.FromResult(answer(holder.ToString()));
            }
            catch (Exception problem)
            {
                return Task.FromException<byte[]?>(problem);
            }
        }
    }
}

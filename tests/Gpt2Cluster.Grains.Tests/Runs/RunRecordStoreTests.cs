using System.Text.Json;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Runs;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Orleans.Storage;

namespace Gpt2Cluster.Grains.Tests.Runs;

public sealed class RunRecordStoreTests
{
    private static readonly DateTimeOffset Submitted = DateTimeOffset.UnixEpoch;
    private static readonly RunRecord Record = new()
    {
        Specification = Specifications.Small(Presets.Scratch("scratch:tiny").Shape),
    };
    private static readonly EndEvent End = new()
    {
        Run = "run1".Run(),
        Status = RunStatus.Completed,
        Step = 7,
        StateSha256 = "aa",
        Seconds = 1,
        Tokens = 2,
    };

    private readonly MemoryEventStore events = new();
    private readonly StoredRuns store = new();
    private readonly FakeTimeProvider time = new();

    [Fact]
    public async Task A_coordinator_that_dies_before_the_end_is_appended_leaves_it_to_the_next()
    {
        var (dying, _) = Coordinator();
        await dying.Write(Record, [End], Submitted);
        var (next, feed) = Coordinator();
        await next.Recover();
        var line = Assert.Single(await feed.After(0, TimeSpan.Zero, time));
        Assert.Equal(RunEventFeed.LineOf(End), line.Json);
        Assert.Equal(1, feed.LastSequence);
        await Coordinator().Records.Recover();
        Assert.Equal(1, await events.LastSequence("run1".Run()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_write_that_was_not_answered_is_repeated_and_knows_itself(bool isStoredNevertheless)
    {
        var (records, _) = Coordinator();
        await records.Write(Record, [], Submitted);
        (store.LostAnswers, store.StoresUnanswered) = (2, isStoredNevertheless);
        await Pass(records.Write(Record with { Generation = 1 }, [], Submitted));
        await Pass(records.Write(Record with { Generation = 2 }, [], Submitted));
        Assert.Equal(2, Coordinator().Records.Read()!.Generation);
    }

    /// <summary>Whoever ignored its option would compute other bits: it is left as it is.</summary>
    [Fact]
    public async Task A_run_that_a_newer_version_has_specified_is_not_coordinated()
    {
        await Coordinator().Records.Write(
            Record with
            {
                Specification = Record.Specification with
                {
                    Unknown = new Dictionary<string, JsonElement> { ["ema"] = JsonElement.Parse("0.99") },
                },
            },
            [],
            Submitted);
        var refusal = Assert.Throws<UserErrorException>(() => Coordinator().Records.Read());
        Assert.Contains("comes from a newer version, which knows ema;", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_writes_after_somebody_else_is_not_the_coordinator_any_more()
    {
        var (old, _) = Coordinator();
        await old.Write(Record, [], Submitted);
        var (next, _) = Coordinator();
        await next.Write(Record with { Generation = 1 }, [], Submitted);
        await Assert.ThrowsAsync<InconsistentStateException>(
            () => old.Write(Record with { Generation = 1 }, [], Submitted));
        Assert.Equal(1, store.ConflictCount);
    }

    [Fact]
    public async Task Somebody_elses_write_between_two_attempts_ends_it()
    {
        var (old, _) = Coordinator();
        await old.Write(Record, [], Submitted);
        var (next, _) = Coordinator();
        store.LostAnswers = 1;
        var writing = old.Write(Record with { Generation = 1 }, [], Submitted);
        await next.Write(Record with { Generation = 1 }, [], Submitted);
        await Assert.ThrowsAsync<InconsistentStateException>(() => Pass(writing));
        await AssertOver(old);
    }

    [Fact]
    public async Task Whoever_looks_and_finds_another_one_writes_no_more()
    {
        var (old, _) = Coordinator();
        await old.Write(Record, [], Submitted);
        Assert.False(await old.WasReplaced());
        await old.Write(Record, [], Submitted);
        var (next, _) = Coordinator();
        await next.Write(Record with { Generation = 1 }, [], Submitted);
        Assert.True(await old.WasReplaced());
        await AssertOver(old);
    }

    [Fact]
    public async Task What_is_forgotten_is_gone_with_its_events_and_the_next_of_the_name_knows_of_it()
    {
        var (records, _) = Coordinator();
        await records.Write(Record with { Generation = 7, Lives = ["first"] }, [End], Submitted);
        await Coordinator().Records.Recover();
        Assert.Equal(1, await events.LastSequence("run1".Run()));

        // The coordinator dies before it has removed the events.
        await records.Forget(["first"]);
        var (next, feed) = Coordinator();
        Assert.Null(next.Read());
        await next.Recover();
        Assert.True(next.IsToBeCleared);
        Assert.Equal((0, 0), (await events.LastSequence("run1".Run()), feed.LastSequence));
        await next.Cleared();

        var (third, _) = Coordinator();
        await third.Recover();
        Assert.False(third.IsToBeCleared);
        Assert.Equal(7, third.LastGeneration);
        Assert.Equal(["first"], third.DeletedLives);
        await third.Write(Record with { Generation = 7, DeletedLives = third.DeletedLives }, [], Submitted);
        Assert.Equal(["first"], Coordinator().Records.DeletedLives);
        await AssertReplaced(records);
    }

    [Fact]
    public async Task Forgetting_is_repeated_until_it_is_stored_and_never_done_by_one_that_was_replaced()
    {
        var (records, _) = Coordinator();
        await records.Write(Record, [], Submitted);
        (store.LostAnswers, store.StoresUnanswered) = (1, true);
        await Pass(records.Forget(["first"]));
        Assert.True(records.IsToBeCleared);
        var (other, _) = Coordinator();
        await other.Write(Record, [], Submitted);
        await AssertReplaced(records);
        Assert.NotNull(Coordinator().Records.Read());
    }

    private static async Task AssertReplaced(RunRecordStore old) =>
        await Assert.ThrowsAsync<InconsistentStateException>(() => old.Forget(["first"]));

    // It has read the newer record meanwhile, and with it the ETag that would let it write.
    private async Task AssertOver(RunRecordStore old)
    {
        await Assert.ThrowsAsync<InconsistentStateException>(() => old.Write(Record, [], Submitted));
        Assert.Equal(1, Coordinator().Records.Read()!.Generation);
    }

    private (RunRecordStore Records, RunEventFeed Feed) Coordinator()
    {
        var writes = StoreWrites.Policy("run1".Run(), () => false, time, NullLogger.Instance);
        var feed = new RunEventFeed(events, "run1".Run(), writes);
        return (new RunRecordStore(store.Open(), feed, writes), feed);
    }

    /// <summary>Time passes until the next attempt, again and again.</summary>
    private async Task Pass(Task task)
    {
        while (!task.IsCompleted)
        {
            time.Advance(StoreWrites.Pause);
            await Task.Yield();
        }

        await task;
    }

    /// <summary>One key of a store with ETags; answers of it can be lost.</summary>
    private sealed class StoredRuns
    {
        private StoredRun stored = new();
        private int version;

        public int LostAnswers { get; set; }

        public bool StoresUnanswered { get; set; }

        public int ConflictCount { get; private set; }

        public IPersistentState<StoredRun> Open() => new Grain(this) { State = stored, Etag = $"{version}" };

        private sealed class Grain(StoredRuns store) : IPersistentState<StoredRun>
        {
            public required StoredRun State { get; set; }

            public required string Etag { get; set; }

            public bool RecordExists => store.version > 0;

            public Task ClearStateAsync() => throw new NotSupportedException();

            public Task ReadStateAsync()
            {
                (State, Etag) = (store.stored, $"{store.version}");
                return Task.CompletedTask;
            }

            public Task WriteStateAsync()
            {
                if (Etag != $"{store.version}")
                {
                    store.ConflictCount++;
                    throw new InconsistentStateException("Somebody else has written.");
                }

                var isLost = store.LostAnswers > 0;
                store.LostAnswers -= isLost ? 1 : 0;
                if (!isLost || store.StoresUnanswered)
                {
                    store.version++;
                    store.stored = State;
                }

                if (isLost)
                    throw new TimeoutException("The store does not answer.");
                Etag = $"{store.version}";
                return Task.CompletedTask;
            }
        }
    }
}

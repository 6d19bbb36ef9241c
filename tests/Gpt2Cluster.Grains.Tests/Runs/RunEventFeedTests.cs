using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Grains.Runs;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Gpt2Cluster.Grains.Tests.Runs;

public sealed class RunEventFeedTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly MemoryEventStore store = new();
    private readonly FakeTimeProvider time = new();

    [Fact]
    public async Task Events_are_numbered_from_1_and_kept_in_order()
    {
        var feed = await Feed();
        feed.Publish(Warning("a"));
        feed.Publish(Warning("b"));
        await feed.Flush();
        var lines = await feed.After(0, Patience, TimeProvider.System);
        Assert.Equal([1L, 2L], lines.Select(line => line.Sequence));
        Assert.Contains("\"a\"", lines[0].Json, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_waits_gets_the_next_event()
    {
        var feed = await Feed();
        var waiting = feed.After(0, Patience, TimeProvider.System);
        Assert.False(waiting.IsCompleted);
        feed.Publish(Warning("a"));
        Assert.Single(await waiting.WaitAsync(Patience));
    }

    [Fact]
    public Task Nobody_sees_an_event_before_it_is_stored() => InTurns(async () =>
    {
        var feed = await Feed();
        store.Gate = new TaskCompletionSource();
        feed.Publish(Warning("a"));
        Assert.Equal(0, feed.LastSequence);
        Assert.Empty(await feed.After(0, TimeSpan.Zero, TimeProvider.System));
        store.Gate.SetResult();
        await feed.Flush();
        Assert.Equal(1, feed.LastSequence);
    });

    [Fact]
    public async Task A_new_coordinator_goes_on_with_the_numbers()
    {
        var first = await Feed();
        first.Publish(Warning("a"));
        await first.Flush();
        var second = await Feed();
        Assert.Equal(1, second.LastSequence);
        second.Publish(Warning("b"));
        await second.Flush();
        Assert.Equal([2L], (await second.After(1, Patience, TimeProvider.System)).Select(line => line.Sequence));
    }

    [Fact]
    public async Task Samples_are_kept_apart()
    {
        var feed = await Feed();
        feed.Publish(new SampleEvent { Run = "run1".Run(), Step = 5, Index = 1, Text = "the sea" });
        await feed.Flush();
        Assert.Contains("the sea", Assert.Single(await store.Samples("run1".Run(), 10)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_the_store_did_not_answer_is_stored_once(bool isStoredNevertheless)
    {
        var feed = await Feed();
        (store.LostAnswers, store.StoresUnanswered) = (1, isStoredNevertheless);
        feed.Publish(Warning("a"));
        feed.Publish(Warning("b"));
        feed.Publish(new SampleEvent { Run = "run1".Run(), Step = 5, Index = 1, Text = "the sea" });
        await Flush(feed);
        Assert.Equal(3, feed.LastSequence);
        var lines = await feed.After(0, Patience, TimeProvider.System);
        Assert.Equal(3, lines.Select(line => line.Json).Distinct().Count());
        Assert.Single(await store.Samples("run1".Run(), 10));
    }

    [Fact]
    public async Task A_store_that_stays_away_fails_whoever_waits_and_the_feed_goes_on_when_it_is_back()
    {
        var feed = await Feed();
        store.IsAway = true;
        feed.Publish(Warning("a"));
        await Assert.ThrowsAsync<TimeoutException>(() => Flush(feed));
        store.IsAway = false;
        await Flush(feed);
        Assert.Equal(1, feed.LastSequence);
    }

    [Fact]
    public async Task A_new_coordinator_appends_what_the_record_brought_and_the_list_lacks()
    {
        var first = await Feed();
        first.Publish(Warning("before"));
        first.Publish(Warning("a"));
        await first.Flush();
        string[] outbox = [.. new[] { "a", "a", "b" }.Select(message => RunEventFeed.LineOf(Warning(message)))];
        var second = await Feed(1, outbox);
        Assert.Equal(
            ["before", "a", "a", "b"],
            (await second.After(0, Patience, TimeProvider.System)).Select(line => MessageOf(line.Json)));
        Assert.Equal(4, (await Feed(1, outbox)).LastSequence);
    }

    [Fact]
    public Task Two_coordinators_at_once_store_what_both_have_once() => InTurns(async () =>
    {
        var first = await Feed();
        store.Gate = new TaskCompletionSource();
        // The second finds in the outbox what the first is about to append, and what waits behind that.
        foreach (var message in new[] { "a", "b", "of the first" })
            first.Publish(Warning(message));
        var second = Feed(0, RunEventFeed.LineOf(Warning("a")), RunEventFeed.LineOf(Warning("b")));
        store.Gate.SetResult();
        (await second).Publish(Warning("c"));
        await first.Flush();
        await (await second).Flush();
        var lines = await (await second).After(0, Patience, TimeProvider.System);
        Assert.Equal(["a", "b", "c", "of the first"], lines.Select(line => MessageOf(line.Json)).Order());
        Assert.Equal(4, lines[^1].Sequence);
    });

    private static string MessageOf(string json) =>
        RunEventJson.TryRead(json, out var runEvent) ? ((WarningEvent)runEvent).Message : json;

    // One step after the other, as within the turns of a grain: neither a feed nor this store is safe for threads.
    private static Task InTurns(Func<Task> test) => Task.Factory.StartNew(
        test,
        TestContext.Current.CancellationToken,
        TaskCreationOptions.None,
        new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler).Unwrap();

    /// <summary>Time passes while the feed waits for its next attempt.</summary>
    private async Task Flush(RunEventFeed feed)
    {
        var flush = feed.Flush();
        while (!flush.IsCompleted)
        {
            time.Advance(StoreWrites.Pause);
            await Task.Yield();
        }

        await flush;
    }

    private static WarningEvent Warning(string message) => new() { Run = "run1".Run(), Message = message };

    private async Task<RunEventFeed> Feed(long count = 0, params string[] outbox)
    {
        var run = "run1".Run();
        var feed = new RunEventFeed(store, run, StoreWrites.Policy(run, () => false, time, NullLogger.Instance));
        await feed.Open(count, outbox);
        return feed;
    }
}

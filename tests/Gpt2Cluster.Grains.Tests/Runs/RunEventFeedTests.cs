using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Grains.Runs;

namespace Gpt2Cluster.Grains.Tests.Runs;

public sealed class RunEventFeedTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly MemoryEventStore store = new();

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
    public async Task Nobody_sees_an_event_before_it_is_stored()
    {
        var feed = await Feed();
        store.Gate = new TaskCompletionSource();
        feed.Publish(Warning("a"));
        Assert.Equal(0, feed.LastSequence);
        Assert.Empty(await feed.After(0, TimeSpan.Zero, TimeProvider.System));
        store.Gate.SetResult();
        await feed.Flush();
        Assert.Equal(1, feed.LastSequence);
    }

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
        feed.Publish(new SampleEvent { Run = "run1", Step = 5, Index = 1, Text = "the sea" });
        await feed.Flush();
        Assert.Contains("the sea", Assert.Single(await store.Samples("run1", 10)), StringComparison.Ordinal);
    }

    private static WarningEvent Warning(string message) => new() { Run = "run1", Message = message };

    private async Task<RunEventFeed> Feed()
    {
        var feed = new RunEventFeed(store, "run1");
        await feed.Open();
        return feed;
    }

    /// <summary>Events in memory, behind a gate.</summary>
    private sealed class MemoryEventStore : IRunEventStore
    {
        private readonly List<string> events = [];
        private readonly List<string> samples = [];

        public TaskCompletionSource? Gate { get; set; }

        public async Task<long> Append(string run, IReadOnlyList<string> lines)
        {
            if (Gate is { } gate)
                await gate.Task;
            events.AddRange(lines);
            return events.Count;
        }

        public Task<IReadOnlyList<RunEventLine>> Read(string run, long sequence, int count) =>
            Task.FromResult<IReadOnlyList<RunEventLine>>(
            [
                .. events.Skip((int)sequence).Take(count)
                    .Select((line, index) => new RunEventLine(sequence + index + 1, line)),
            ]);

        public Task<long> LastSequence(string run) => Task.FromResult((long)events.Count);

        public Task AppendSamples(string run, IReadOnlyList<SampleEvent> added, int keep)
        {
            samples.AddRange(added.Select(sample => RunEventJson.Write(sample)));
            return Task.CompletedTask;
        }

        public Task<IReadOnlyList<string>> Samples(string run, int last) =>
            Task.FromResult<IReadOnlyList<string>>([.. samples.TakeLast(last)]);
    }
}

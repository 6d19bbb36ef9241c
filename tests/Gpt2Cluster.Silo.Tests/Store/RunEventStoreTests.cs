using System.Net;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Silo.Ports;
using Gpt2Cluster.Silo.Store;
using Gpt2Cluster.Silo.Tests.Processes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gpt2Cluster.Silo.Tests.Store;

/// <summary>The events of runs in a real embedded store.</summary>
public sealed class RunEventStoreTests : IAsyncLifetime
{
    private readonly TestFolder folder = new();
    private readonly PortClaim claim = PortClaim.OfAnyFree(IPAddress.Loopback);
    private readonly EmbeddedStore store;
    private readonly RedisRunEventStore events;

    public RunEventStoreTests()
    {
        store = new EmbeddedStore(folder.Path, IPAddress.Loopback, claim.Port, password: null);
        var connection = new StoreConnection(
            "127.0.0.1", claim.Port, password: null, TimeProvider.System, NullLogger<StoreConnection>.Instance);
        events = new RedisRunEventStore(connection, "cluster");
    }

    public async ValueTask InitializeAsync() => await store.StartAsync(CancellationToken.None);

    public ValueTask DisposeAsync()
    {
        events.Dispose();
        store.Dispose();
        claim.Dispose();
        folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task What_is_deleted_leaves_nothing_and_the_next_of_the_name_begins_at_1()
    {
        await events.Append("run".Run(), Lines(1, 2500), 0);
        await events.Append("other".Run(), ["1 of other"], 0);
        foreach (var run in new[] { "run", "other" })
            await events.AppendSamples(run.Run(),
                [new SampleEvent { Run = run.Run(), Step = 1, Index = 0, Text = "sea" }], 10);
        await events.Delete("run".Run());
        await events.Delete("run".Run());
        Assert.Equal(0, await events.LastSequence("run".Run()));
        Assert.Empty(await events.Read("run".Run(), 0, 10));
        Assert.Empty(await events.Read("run".Run(), 2000, 10));
        Assert.Empty(await events.Samples("run".Run(), 10));
        Assert.Single(await events.Samples("other".Run(), 10));
        Assert.Equal(1, await events.Append("run".Run(), Lines(1, 1), 0));
        Assert.Equal(1, await events.LastSequence("other".Run()));
    }

    [Fact]
    public async Task Numbers_have_no_gaps_over_segments_and_runs_do_not_mix()
    {
        Assert.Equal(0, await events.LastSequence("run".Run()));
        Assert.Empty(await events.Read("run".Run(), 0, 10));
        Assert.Equal(999, await events.Append("run".Run(), Lines(1, 999), 0));
        Assert.Equal(1, await events.Append("other".Run(), ["1 of other"], 0));
        Assert.Equal(1000, await events.Append("run".Run(), Lines(1000, 1), 999));
        Assert.Null(await events.Append("run".Run(), ["late"], 999));
        Assert.Null(await events.Append("run".Run(), ["early"], 1001));
        Assert.Equal(1000, await events.LastSequence("run".Run()));
        Assert.Empty(await events.Read("run".Run(), 1000, 10));
        Assert.Equal(3500, await events.Append("run".Run(), Lines(1001, 2500), 1000));
        Assert.Equal(3500, await events.LastSequence("run".Run()));

        foreach (var (after, count) in new[] { (0, 1), (0, 4000), (998, 4), (999, 1), (1000, 1000), (1500, 1501) })
        {
            var read = await events.Read("run".Run(), after, count);
            Assert.Equal(Lines(after + 1, Math.Min(count, 3500 - after)), read.Select(line => line.Json));
            Assert.Equal(
                Enumerable.Range(after + 1, read.Count).Select(number => (long)number),
                read.Select(line => line.Sequence));
        }

        Assert.Equal("1 of other", Assert.Single(await events.Read("other".Run(), 0, 10)).Json);
    }

    private static string[] Lines(int first, int count) =>
        [.. Enumerable.Range(first, count).Select(number => $"event {number}")];
}

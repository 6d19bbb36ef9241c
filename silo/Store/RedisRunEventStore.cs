using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Grains.Runs;
using StackExchange.Redis;

namespace Gpt2Cluster.Silo.Store;

/// <summary>Events and samples of runs as lists of the store, beside the runs' records.</summary>
/// <param name="store">How the store is reached; the connection is opened with the first run.</param>
/// <param name="clusterId">Keys begin with it, so that clusters can share a store.</param>
internal sealed class RedisRunEventStore(StoreConnection store, string clusterId) : IRunEventStore, IDisposable
{
    private readonly Lazy<ConnectionMultiplexer> connection = new(() => ConnectionMultiplexer.Connect(store.Options()));

    private IDatabase Database => connection.Value.GetDatabase();

    /// <inheritdoc/>
    public void Dispose()
    {
        if (connection.IsValueCreated)
            connection.Value.Dispose();
    }

    /// <inheritdoc/>
    public Task<long> Append(string run, IReadOnlyList<string> lines) =>
        Database.ListRightPushAsync(EventsKey(run), [.. lines.Select(line => (RedisValue)line)]);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<RunEventLine>> Read(string run, long sequence, int count)
    {
        var lines = await Database.ListRangeAsync(EventsKey(run), sequence, sequence + count - 1);
        return [.. lines.Select((line, index) => new RunEventLine(sequence + index + 1, line.ToString()))];
    }

    /// <inheritdoc/>
    public Task<long> LastSequence(string run) => Database.ListLengthAsync(EventsKey(run));

    /// <inheritdoc/>
    public async Task AppendSamples(string run, IReadOnlyList<SampleEvent> samples, int keep)
    {
        var key = SamplesKey(run);
        await Database.ListRightPushAsync(key, [.. samples.Select(sample => (RedisValue)RunEventJson.Write(sample))]);
        await Database.ListTrimAsync(key, -keep, -1);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> Samples(string run, int last)
    {
        var lines = await Database.ListRangeAsync(SamplesKey(run), -last, -1);
        return [.. lines.Select(line => line.ToString())];
    }

    private string EventsKey(string run) => $"{clusterId}/events/{run}";

    private string SamplesKey(string run) => $"{clusterId}/samples/{run}";
}

using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Grains.Runs;
using StackExchange.Redis;

namespace Gpt2Cluster.Silo.Store;

/// <summary>
/// Events and samples of runs as lists of the store, beside the runs' records. A run's events lie in segments, so that
/// the store moves a little at a time between memory and disk however long the run is.
/// </summary>
/// <param name="store">How the store is reached; the connection is opened with the first run.</param>
/// <param name="clusterId">Keys begin with it, so that clusters can share a store.</param>
internal sealed class RedisRunEventStore(StoreConnection store, string clusterId) : IRunEventStore, IDisposable
{
    /// <summary>Events of one segment.</summary>
    public const int SegmentLength = 1000;

    // In one piece, as two coordinators may both believe for a moment that they are the one. KEYS[1] names the open
    // segment, KEYS[2] and its number are its key. Every command of a script goes to the disk by itself, so there are
    // few of them, and a kill can leave the first and lose the rest: what is there is counted, nothing beside it. The
    // first argument is where the list must end for the others to be appended.
    private static readonly string AppendScript = $"""
        local segment = tonumber(redis.call('GET', KEYS[1]) or '0')
        local length = redis.call('LLEN', KEYS[2] .. segment)
        if segment * {SegmentLength} + length ~= tonumber(ARGV[1]) then
          return -1
        end
        local first = 2
        while first <= #ARGV do
          if length >= {SegmentLength} then
            segment = segment + 1
            length = 0
            redis.call('SET', KEYS[1], segment)
          end
          local last = math.min(#ARGV, first + {SegmentLength} - length - 1)
          length = redis.call('RPUSH', KEYS[2] .. segment, unpack(ARGV, first, last))
          first = last + 1
        end
        return segment * {SegmentLength} + length
        """;

    private readonly Lazy<ConnectionMultiplexer> connection = new(() => ConnectionMultiplexer.Connect(store.Options()));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (connection.IsValueCreated)
            connection.Value.Dispose();
    }

    /// <inheritdoc/>
    public async Task<long?> Append(RunName run, IReadOnlyList<string> lines, long after)
    {
        RedisValue[] arguments = [after, .. lines.Select(line => (RedisValue)line)];
        var last = (long)await Ask(database => database.ScriptEvaluateAsync(
            AppendScript, [OpenSegmentKey(run), SegmentKey(run)], arguments));
        return last < 0 ? null : last;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<RunEventLine>> Read(RunName run, long sequence, int count)
    {
        var events = new List<RunEventLine>();
        while (events.Count < count)
        {
            var next = sequence + events.Count;
            var first = next % SegmentLength;
            var last = Math.Min(SegmentLength, first + count - events.Count) - 1;
            var key = SegmentKey(run, next / SegmentLength);
            var lines = await Ask(database => database.ListRangeAsync(key, first, last));
            events.AddRange(lines.Select((line, index) => new RunEventLine(next + index + 1, line.ToString())));
            if (lines.Length <= last - first)
                break;
        }

        return events;
    }

    /// <inheritdoc/>
    public async Task<long> LastSequence(RunName run)
    {
        var segment = (long)await Ask(database => database.StringGetAsync(OpenSegmentKey(run)));
        return (segment * SegmentLength) + await Ask(database => database.ListLengthAsync(SegmentKey(run, segment)));
    }

    /// <inheritdoc/>
    public async Task AppendSamples(RunName run, IReadOnlyList<SampleEvent> samples, int keep)
    {
        var key = SamplesKey(run);
        RedisValue[] lines = [.. samples.Select(sample => (RedisValue)RunEventJson.Write(sample))];
        await Ask(database => database.ListRightPushAsync(key, lines));
        await Ask(database => database.ListTrimAsync(key, -keep, -1));
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> Samples(RunName run, int last)
    {
        var lines = await Ask(database => database.ListRangeAsync(SamplesKey(run), -last, -1));
        return [.. lines.Select(line => line.ToString())];
    }

    /// <inheritdoc/>
    public async Task Delete(RunName run)
    {
        var last = (long)await Ask(database => database.StringGetAsync(OpenSegmentKey(run)));
        // The number of the open segment goes last: a repeat after a kill finds all segments again.
        for (var segment = last; segment >= 0; segment--)
            await Ask(database => database.KeyDeleteAsync(SegmentKey(run, segment)));
        await Ask(database => database.KeyDeleteAsync(SamplesKey(run)));
        await Ask(database => database.KeyDeleteAsync(OpenSegmentKey(run)));
    }

    private Task<T> Ask<T>(Func<IDatabase, Task<T>> command) =>
        StoreFaults.Typed(() => command(connection.Value.GetDatabase()));

    private Task Ask(Func<IDatabase, Task> command) =>
        StoreFaults.Typed(() => command(connection.Value.GetDatabase()));

    private RedisKey OpenSegmentKey(RunName run) => $"{clusterId}/event-segment/{run}";

    private RedisKey SegmentKey(RunName run, long? segment = null) => $"{clusterId}/events/{run}/{segment}";

    private string SamplesKey(RunName run) => $"{clusterId}/samples/{run}";
}

using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Grains.Runs;
using Gpt2Cluster.Simulator.Clock;

namespace Gpt2Cluster.Simulator.Store;

/// <summary>A run's events as a silo reaches them in the store.</summary>
/// <param name="store">The store.</param>
/// <param name="node">The silo's name.</param>
/// <param name="life">Its process.</param>
/// <param name="isUnfenced">A mutant's: appends wherever the list ends.</param>
internal sealed class SimulatedEventStore(SimulatedStore store, string node, Life life, bool isUnfenced)
    : IRunEventStore
{
    /// <summary>Events were appended.</summary>
    public event Action<Life, IReadOnlyList<string>>? Appended;

    /// <inheritdoc/>
    public Task<long?> Append(RunName run, IReadOnlyList<string> lines, long after)
    {
        string[] written = [.. lines];
        return store.Ask(node, life, long? () =>
        {
            if (after != store.Events.Count && !isUnfenced)
                return null;
            store.Events.AddRange(written);
            Appended?.Invoke(life, written);
            return store.Events.Count;
        });
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<RunEventLine>> Read(RunName run, long sequence, int count) =>
        store.Ask(node, life, IReadOnlyList<RunEventLine> () =>
        [
            .. store.Events.Skip((int)sequence).Take(count)
                .Select((line, index) => new RunEventLine(sequence + index + 1, line)),
        ]);

    /// <inheritdoc/>
    public Task<long> LastSequence(RunName run) => store.Ask(node, life, () => (long)store.Events.Count);

    /// <inheritdoc/>
    public Task AppendSamples(RunName run, IReadOnlyList<SampleEvent> samples, int keep)
    {
        string[] lines = [.. samples.Select(sample => RunEventJson.Write(sample))];
        return store.Ask(node, life, () =>
        {
            store.Samples.AddRange(lines);
            return store.Samples.Count;
        });
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> Samples(RunName run, int last) =>
        store.Ask(node, life, IReadOnlyList<string> () => [.. store.Samples.TakeLast(last)]);

    /// <inheritdoc/>
    public Task Delete(RunName run) => store.Ask(node, life, () =>
    {
        store.Events.Clear();
        store.Samples.Clear();
        return true;
    });
}

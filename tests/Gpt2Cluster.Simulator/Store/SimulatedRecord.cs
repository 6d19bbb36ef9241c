using Gpt2Cluster.Grains.Cluster;
using Gpt2Cluster.Grains.Runs;
using Gpt2Cluster.Simulator.Clock;
using Orleans.Storage;

namespace Gpt2Cluster.Simulator.Store;

/// <summary>
/// A grain's record as Orleans hands it to the grain: read before it is activated, written under the ETag of what was
/// read or written last.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="node">The name of the grain's silo.</param>
/// <param name="life">Its process.</param>
/// <param name="key">The record's key.</param>
/// <param name="copy">Copies a record, as serialisation would.</param>
/// <param name="ignoresEtag">A mutant's: writes whatever is stored.</param>
internal sealed class SimulatedRecord<T>(
    SimulatedStore store, string node, Life life, string key, Func<T, T> copy, bool ignoresEtag) : IPersistentState<T>
    where T : class, new()
{
    private int version;

    /// <inheritdoc/>
    public T State { get; set; } = new();

    /// <inheritdoc/>
    public string Etag => $"{version}";

    /// <inheritdoc/>
    public bool RecordExists => version > 0;

    /// <inheritdoc/>
    public Task ClearStateAsync() => throw new NotSupportedException();

    /// <inheritdoc/>
    public async Task ReadStateAsync()
    {
        var (value, found) = await Try(store.Ask(node, life, () => store.Read(key)));
        State = value is T known ? copy(known) : new T();
        version = found;
    }

    /// <inheritdoc/>
    public async Task WriteStateAsync()
    {
        var (written, expected) = (copy(State), version);
        var stored = await Try(store.Ask(node, life, () => store.Write(key, written, expected, ignoresEtag)));
        version = stored ?? throw new InconsistentStateException($"{key} was written by somebody else");
    }

    // Orleans wraps what its storage providers throw.
    private static async Task<TResult> Try<TResult>(Task<TResult> asked)
    {
        try
        {
            return await asked;
        }
        catch (Exception problem) when (problem is not OrleansException)
        {
            throw new OrleansException("Error from storage provider", problem);
        }
    }
}

/// <summary>Copies of records, as serialisation makes them.</summary>
internal static class RecordCopies
{
    /// <summary>A copy of a run's record.</summary>
    public static StoredRun Of(StoredRun run) => new()
    {
        RecordJson = run.RecordJson,
        SubmittedAt = run.SubmittedAt,
        EventCount = run.EventCount,
        Outbox = [.. run.Outbox],
        WriteId = run.WriteId,
        DeletedLives = [.. run.DeletedLives],
        LastGeneration = run.LastGeneration,
        IsToBeCleared = run.IsToBeCleared,
    };

    /// <summary>A copy of the cluster's record.</summary>
    public static ClusterRecord Of(ClusterRecord cluster) =>
        new() { Runs = new(cluster.Runs), Assignment = new(cluster.Assignment), Deleted = new(cluster.Deleted) };
}

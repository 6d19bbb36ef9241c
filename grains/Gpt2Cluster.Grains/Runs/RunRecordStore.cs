using System.Text.Json;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Retries;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Orleans.Storage;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>
/// The run's record in the store, under its ETag: whoever writes after somebody else is not the coordinator any more.
/// </summary>
internal sealed class RunRecordStore(IPersistentState<StoredRun> stored, RunEventFeed feed, RetryPolicy writes)
{
    // Whoever finds out what is stored instead knows its ETag then, and must never use it.
    private bool isReplaced;

    /// <summary>When the run was submitted.</summary>
    public DateTimeOffset SubmittedAt => stored.State.SubmittedAt;

    /// <summary>
    /// What is stored for certain; null if there is none. What could not be stored yet may never be: others are told
    /// of ends and generations only when they are here.
    /// </summary>
    public RunRecord? Stored { get; private set; }

    /// <summary>Lives of the name that people have deleted.</summary>
    public string[] DeletedLives => stored.State.DeletedLives;

    /// <summary>The generation that the next run of the name goes on counting from.</summary>
    public int LastGeneration => stored.State.LastGeneration;

    /// <summary>
    /// Whether it is stored that the run was deleted, and not yet that nothing of it is left in the store.
    /// </summary>
    public bool IsToBeCleared { get; private set; }

    /// <summary>The record; null if there is none.</summary>
    /// <exception cref="Core.UserErrorException">
    /// A newer version has specified the run by more than this one knows: it is left as it is.
    /// </exception>
    public RunRecord? Read()
    {
        if (stored.State.RecordJson is not { } json)
            return null;
        var record = JsonSerializer.Deserialize<RunRecord>(json, SpecificationJson.Options);
        if (record is not null)
            SpecificationCheck.RefuseUnknown(record.Specification);
        return record;
    }

    /// <summary>Brings the events that the last coordinator stored with its record and did not append.</summary>
    public async Task Recover()
    {
        Stored = Read();
        IsToBeCleared = stored.State.IsToBeCleared;
        if (IsToBeCleared)
            await feed.Clear();
        await feed.Open(stored.State.EventCount, stored.State.Outbox);
    }

    /// <summary>Stores a record together with the events it brings: either both are there or neither.</summary>
    /// <exception cref="InconsistentStateException">Somebody else has stored one since.</exception>
    public async Task Write(RunRecord record, IEnumerable<RunEvent> events, DateTimeOffset submittedAt)
    {
        await Store(new StoredRun
        {
            RecordJson = JsonSerializer.Serialize(record, SpecificationJson.Options),
            SubmittedAt = submittedAt,
            EventCount = feed.LastSequence,
            Outbox = [.. feed.Waiting, .. events.Select(RunEventFeed.LineOf)],
            WriteId = Guid.NewGuid(),
            DeletedLives = [.. record.DeletedLives],
        });
        Stored = record;
    }

    /// <summary>Stores that there is no such run any more, and what the next one of its name must know.</summary>
    /// <exception cref="InconsistentStateException">Somebody else has stored a record since.</exception>
    public async Task Forget(IEnumerable<string> deletedLives)
    {
        await Store(new StoredRun
        {
            WriteId = Guid.NewGuid(),
            DeletedLives = [.. deletedLives],
            LastGeneration = Stored?.Generation ?? LastGeneration,
            IsToBeCleared = true,
        });
        (Stored, IsToBeCleared) = (null, true);
    }

    /// <summary>Stores that nothing is left of the run that was deleted.</summary>
    /// <exception cref="InconsistentStateException">Somebody else has stored a record since.</exception>
    public async Task Cleared()
    {
        await Store(new StoredRun
        {
            WriteId = Guid.NewGuid(),
            DeletedLives = DeletedLives,
            LastGeneration = LastGeneration,
        });
        IsToBeCleared = false;
    }

    private Task Store(StoredRun wanted)
    {
        if (isReplaced)
            throw new InconsistentStateException("Another coordinator has stored the run's record.");
        stored.State = wanted;
        return writes.Run(made => Write(wanted, made > 0));
    }

    /// <summary>Whether somebody else has stored a record since. If so, nothing is written here any more.</summary>
    public async Task<bool> WasReplaced()
    {
        var own = stored.State.WriteId;
        await stored.ReadStateAsync();
        isReplaced |= stored.State.WriteId != own;
        return isReplaced;
    }

    private async Task Write(StoredRun wanted, bool isRepeat)
    {
        try
        {
            await stored.WriteStateAsync();
        }
        catch (InconsistentStateException) when (isRepeat)
        {
            // The attempt whose answer was lost may be what it conflicts with.
            await stored.ReadStateAsync();
            isReplaced = stored.State.WriteId != wanted.WriteId;
            if (isReplaced)
                throw;
        }
    }
}

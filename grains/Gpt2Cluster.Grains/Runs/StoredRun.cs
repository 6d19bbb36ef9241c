namespace Gpt2Cluster.Grains.Runs;

/// <summary>
/// A run's record as the store keeps it: Core's record in Core's JSON form, and the events it brings.
/// </summary>
[GenerateSerializer, Alias("gpt2.stored-run.v1")]
public sealed class StoredRun
{
    /// <summary>The record; null if there is no such run.</summary>
    [Id(0)]
    public string? RecordJson { get; set; }

    /// <summary>When the run was submitted.</summary>
    [Id(1)]
    public DateTimeOffset SubmittedAt { get; set; }

    /// <summary>How many events the run's list held for certain when this was written.</summary>
    [Id(2)]
    public long EventCount { get; set; }

    /// <summary>
    /// The events that follow in the list, as lines of JSON: those on their way there and those of the record itself. A
    /// coordinator that dies in between has lost none; the next one appends what is missing.
    /// </summary>
    [Id(3)]
    public string[] Outbox { get; set; } = [];

    /// <summary>Names this write: whose answer was lost finds out whether it is the one that was stored.</summary>
    [Id(4)]
    public Guid WriteId { get; set; }

    /// <summary>Lives of the name that people have deleted; kept when there is no record (any more).</summary>
    [Id(5)]
    public string[] DeletedLives { get; set; } = [];

    /// <summary>
    /// The generation of the run that was deleted: the next one of the name goes on counting, as workers and reducers
    /// refuse what is older than what they have heard.
    /// </summary>
    [Id(6)]
    public int LastGeneration { get; set; }

    /// <summary>
    /// Whether the run was deleted and its events and its place in the cluster's list may still be there.
    /// </summary>
    [Id(7)]
    public bool IsToBeCleared { get; set; }
}

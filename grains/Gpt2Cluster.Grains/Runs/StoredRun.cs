namespace Gpt2Cluster.Grains.Runs;

/// <summary>A run's record as the store keeps it: Core's record in Core's JSON form.</summary>
[GenerateSerializer, Alias("gpt2.stored-run.v1")]
public sealed class StoredRun
{
    /// <summary>The record; null if there is no such run.</summary>
    [Id(0)]
    public string? RecordJson { get; set; }

    /// <summary>When the run was submitted.</summary>
    [Id(1)]
    public DateTimeOffset SubmittedAt { get; set; }
}

namespace Gpt2Cluster.Contracts.Runs.Events;

/// <summary>The run was accepted.</summary>
public sealed record SubmittedEvent : RunEvent
{
    /// <summary>The model it starts from, as the user named it.</summary>
    public required string Model { get; init; }

    /// <summary>Parameters in all.</summary>
    public required long Parameters { get; init; }

    /// <summary>
    /// SHA-256 over the tokens as uint16 little endian, lower-case hexadecimal; of a mixture over the list of its
    /// datasets' hashes and weights.
    /// </summary>
    public required string DatasetSha256 { get; init; }

    /// <summary>Tokens of the dataset, of a mixture those of all.</summary>
    public required long Tokens { get; init; }

    /// <summary>Windows for training; validation windows are not counted.</summary>
    public required long Windows { get; init; }

    /// <summary>Steps in all.</summary>
    public required long Steps { get; init; }

    /// <summary>Tokens of one global batch.</summary>
    public required long TokensPerStep { get; init; }
}

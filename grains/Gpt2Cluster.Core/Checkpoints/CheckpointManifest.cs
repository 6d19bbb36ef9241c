using System.Text.Json;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Checkpoints;

/// <summary>One file of a checkpoint.</summary>
/// <param name="Name">Its name in the checkpoint's folder.</param>
/// <param name="LengthBytes">Its length.</param>
/// <param name="Sha256">SHA-256 of its bytes, lower-case hexadecimal.</param>
public sealed record CheckpointFile(string Name, long LengthBytes, string Sha256);

/// <summary>
/// What a checkpoint says of itself; written last. The data position is implied by the step: which windows a step uses is a
/// function of the seed.
/// </summary>
public sealed record CheckpointManifest
{
    /// <summary>The only form there is so far.</summary>
    public const int CurrentFormat = 1;

    /// <summary>Its name in a checkpoint's folder.</summary>
    public const string FileName = "manifest.json";

    /// <summary>Version of this form.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>The step after which it was taken.</summary>
    public required long Step { get; init; }

    /// <summary>The state hash, lower-case hexadecimal.</summary>
    public required string StateHash { get; init; }

    /// <summary>The piece hashes of the parameters, one behind the other, hexadecimal.</summary>
    public required string ParameterPieces { get; init; }

    /// <summary>The piece hashes of the first moments.</summary>
    public required string FirstMomentPieces { get; init; }

    /// <summary>The piece hashes of the second moments.</summary>
    public required string SecondMomentPieces { get; init; }

    /// <summary>The tensors' files.</summary>
    public required IReadOnlyList<CheckpointFile> Files { get; init; }

    /// <summary>Validation loss at that step; null if none was measured.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>The run's record at that step: specification, loss history, best validation.</summary>
    public required RunRecord Record { get; init; }

    /// <summary>The manifest as JSON.</summary>
    public string Write() => JsonSerializer.Serialize(this, SpecificationJson.Options);

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="InvalidDataException">It is no manifest of a known form.</exception>
    public static CheckpointManifest Read(string json)
    {
        try
        {
            var manifest = JsonSerializer.Deserialize<CheckpointManifest>(json, SpecificationJson.Options);
            return manifest is { Format: CurrentFormat }
                ? manifest
                : throw new InvalidDataException($"the manifest has format {manifest?.Format}, not {CurrentFormat}");
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"the manifest cannot be read: {exception.Message}", exception);
        }
    }
}

using System.Text.Json;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Checkpoints;

/// <summary>One file of a checkpoint.</summary>
/// <param name="Name">Its name in the checkpoint's folder.</param>
/// <param name="LengthBytes">Its length.</param>
/// <param name="Sha256">SHA-256 of its bytes, lower-case hexadecimal.</param>
public sealed record CheckpointFile(string Name, long LengthBytes, string Sha256);

/// <summary>
/// What a checkpoint says of itself; written last. The data position is implied by the step: which windows a step uses
/// is a function of the seed.
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

    /// <summary>
    /// The hash of the frozen parameters (<see cref="Ports.IReplica.FrozenHash"/>), which the checkpoint does not hold;
    /// null where everything is trained, and in what was written before there was one: that holds all parameters.
    /// </summary>
    public string? FrozenHash { get; init; }

    /// <summary>The piece hashes of the trained parameters, one behind the other, hexadecimal.</summary>
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

    /// <summary>What its files hold, in their order.</summary>
    public ParameterLayout Layout()
    {
        var parameters = Record.Specification.Parameters();
        return FrozenHash is null ? parameters.Base : parameters.Trained;
    }

    /// <summary>The manifest as JSON.</summary>
    public string Write() => JsonSerializer.Serialize(this, SpecificationJson.Options);

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="InvalidDataException">It is no manifest of a known form, or contradicts itself.</exception>
    public static CheckpointManifest Read(string json)
    {
        try
        {
            var manifest = JsonSerializer.Deserialize<CheckpointManifest>(json, SpecificationJson.Options)
                ?? throw new InvalidDataException("the manifest is empty");
            return manifest.Error() is { } error ? throw new InvalidDataException(error) : manifest;
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"the manifest cannot be read: {exception.Message}", exception);
        }
    }

    private string? Error()
    {
        if (Format != CurrentFormat)
            return $"the manifest has format {Format}, not {CurrentFormat}";
        if (Step < 0 || Step > Record.Specification.Steps)
            return $"step {Step} is not one of the run's {Record.Specification.Steps}";
        if (Files.FirstOrDefault(file => !IsPlainName(file.Name) || file.LengthBytes < 0) is { } bad)
            return $"the manifest names a file '{bad.Name}' of {bad.LengthBytes} bytes";
        try
        {
            var combined = Checkpoints.StateHash.Combine(
                Step,
                Convert.FromHexString(ParameterPieces),
                Convert.FromHexString(FirstMomentPieces),
                Convert.FromHexString(SecondMomentPieces),
                FrozenHash);
            return combined == StateHash ? null : "the piece hashes do not make up the state hash";
        }
        catch (FormatException exception)
        {
            return $"the piece hashes are damaged: {exception.Message}";
        }
    }

    // A manifest is input: it must not lead out of its folder.
    private static bool IsPlainName(string name) =>
        name.Length > 0 && name is not ("." or ".." or FileName) && name.IndexOfAny(['/', '\\', '\0']) < 0;
}

using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Checkpoints;

/// <summary>One file of a checkpoint.</summary>
/// <param name="Name">Its name in the checkpoint's folder.</param>
/// <param name="LengthBytes">Its length.</param>
/// <param name="Sha256">SHA-256 of its bytes, lower-case hexadecimal.</param>
public sealed record CheckpointFile(string Name, long LengthBytes, string Sha256) : StoredRecord;

/// <summary>
/// What a checkpoint says of itself; written last. The data position is implied by the step: which windows a step uses
/// is a function of the seed.
/// </summary>
public sealed record CheckpointManifest : StoredRecord
{
    /// <summary>The only form there is so far.</summary>
    public const int CurrentFormat = 1;

    /// <summary>Its name in a checkpoint's folder.</summary>
    public const string FileName = "manifest.json";

    // As the options of its JSON spell Checksum and Format.
    private const string ChecksumName = "checksum";
    private const string FormatName = "format";

    /// <summary>Version of this form.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>The step after which it was taken.</summary>
    public required long Step { get; init; }

    /// <summary>The state hash, lower-case hexadecimal.</summary>
    public required string StateHash { get; init; }

    /// <summary>
    /// The hash of the frozen parameters (<see cref="Ports.IReplicaState.FrozenHash"/>), which the checkpoint does not
    /// hold; null where everything is trained, and in what was written before there was one: that holds all parameters.
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

    /// <summary>
    /// SHA-256 of all its other content as it is written, lower-case hexadecimal: <see cref="Write"/> makes it,
    /// <see cref="Read"/> compares it. Null in a manifest of before there was one.
    /// </summary>
    public string? Checksum { get; init; }

    /// <summary>The manifest as JSON, with its checksum.</summary>
    public string Write()
    {
        var json = JsonSerializer.Serialize(this, SpecificationJson.Options);
        return JsonSerializer.Serialize(this with { Checksum = ChecksumOf(json) }, SpecificationJson.Options);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="InvalidDataException">
    /// It is no manifest of a known form, contradicts itself, or does not have its checksum.
    /// </exception>
    public static CheckpointManifest Read(string json)
    {
        try
        {
            var manifest = JsonSerializer.Deserialize<CheckpointManifest>(json, SpecificationJson.Options)
                ?? throw new InvalidDataException("the manifest is empty");
            // Whoever writes what is not known here has written a checksum: its name is damaged.
            if (manifest.Checksum is null ? manifest.UnknownPaths().Any() : manifest.Checksum != ChecksumOf(json))
                throw new InvalidDataException("the manifest does not have its checksum");
            return manifest.Error() is { } error ? throw new InvalidDataException(error) : manifest;
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"the manifest cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>
    /// Whether a text is a manifest of a form that this version does not know: a newer one may read it.
    /// </summary>
    public static bool IsOfOtherFormat(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty(FormatName, out var format)
                && !(format.ValueKind == JsonValueKind.Number && format.TryGetInt32(out var number)
                    && number == CurrentFormat);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    // Over the text and not over what was read: a later form may write the same content in another way.
    private static string ChecksumOf(string json)
    {
        using var document = JsonDocument.Parse(json);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var property in document.RootElement.EnumerateObject().Where(each => !each.NameEquals(ChecksumName)))
            hash.AppendData(Encoding.UTF8.GetBytes($"{property.Name}:{property.Value.GetRawText()}\n"));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private string? Error()
    {
        if (Format != CurrentFormat)
            return $"the manifest has format {Format}, not {CurrentFormat}";
        if (ModelError(Record.Specification) is { } modelError)
            return modelError;
        if (Step < 0 || Step > Record.Specification.Steps)
            return $"step {Step} is not one of the run's {Record.Specification.Steps}";
        if (Files.Any(file => file is not { Name: not null, Sha256: not null }))
            return "the manifest lists a file without a name or a hash";
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

    // Whoever reads a manifest lays its parameters out.
    private static string? ModelError(RunSpecification specification)
    {
        if (specification is not { Dataset: not null, Model: { Name: not null, Shape: { } shape } })
            return "the manifest does not say what was trained on what";
        if (shape.Errors() is [var error, ..])
            return $"the manifest's model cannot be: {error}";
        return (specification.Trainable == TrainableParameters.Lora) == (specification.Lora is not null)
            ? null
            : "the manifest has adapters that are not trained, or trains some that it does not describe";
    }

    // A manifest is input: it must not lead out of its folder.
    private static bool IsPlainName(string name) =>
        name.Length > 0 && name is not ("." or ".." or FileName) && name.IndexOfAny(['/', '\\', '\0']) < 0;
}

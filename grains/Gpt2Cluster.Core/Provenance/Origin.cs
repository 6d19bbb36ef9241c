using System.Text.Json;
using System.Text.Json.Serialization;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Provenance;

/// <summary>Tokens that a model was trained on.</summary>
/// <param name="Sha256">SHA-256 over the tokens as uint16 little endian, lower-case hexadecimal.</param>
/// <param name="Name">What was tokenised, for people; null if nobody said.</param>
/// <param name="Role"><c>training</c> or <c>validation</c>.</param>
public sealed record DatasetOrigin(string Sha256, string? Name, string Role) : StoredRecord;

/// <summary>
/// Where a model comes from: what travels with a model, a checkpoint and an export, and is never taken for true without
/// the hashes in it.
/// </summary>
public sealed record Origin : StoredRecord
{
    /// <summary>The file of a model folder that holds it, and the key of formats that keep texts by name.</summary>
    public const string FileName = "provenance.json";

    /// <summary>The key under which safetensors and GGUF files hold it.</summary>
    public const string MetadataKey = "gpt2cluster.provenance";

    /// <summary>The model's name, or <c>run:NAME</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The licence it is under; null if nobody said.</summary>
    public string? License { get; init; }

    /// <summary>Who made it; null if nobody said.</summary>
    public string? Author { get; init; }

    /// <summary>The run that trained it; null where none did.</summary>
    public string? Run { get; init; }

    /// <summary>The run's step.</summary>
    public long? Step { get; init; }

    /// <summary>The run's seed.</summary>
    public ulong? Seed { get; init; }

    /// <summary>
    /// The state hash of the run's checkpoint, or SHA-256 of a stored model's weights; null where it is not known.
    /// </summary>
    public string? Sha256 { get; init; }

    /// <summary>
    /// SHA-256 of the file of weights that the record lies beside, or lay beside when a run began with it, lower-case
    /// hexadecimal; null where the record is in the file.
    /// </summary>
    public string? WeightsSha256 { get; init; }

    /// <summary>The loss of the run's last step, nats per token; null where it is not known.</summary>
    public double? Loss { get; init; }

    /// <summary>The validation loss at the step, nats per token; null if none was measured.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>What the run was asked to be; null where none trained it.</summary>
    public RunSpecification? Settings { get; init; }

    /// <summary>What the run was trained and validated on.</summary>
    public IReadOnlyList<DatasetOrigin> Datasets { get; init; } = [];

    /// <summary>The program that made it, with its version; null where another did.</summary>
    public string? Software { get; init; }

    /// <summary>What the run began with; null where none trained it.</summary>
    public Origin? Base { get; init; }

    private static JsonSerializerOptions Options { get; } = new(SpecificationJson.Options)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>The licence of the model itself, or the one it inherits; null if nobody said.</summary>
    public string? EffectiveLicense => License ?? Base?.EffectiveLicense;

    /// <summary>What the weights hash to, as far as the record says; null where it does not.</summary>
    public string? Hash => WeightsSha256 ?? Sha256;

    /// <summary>It and all it comes from, the model itself first.</summary>
    public IEnumerable<Origin> Chain()
    {
        for (var origin = this; origin is not null; origin = origin.Base)
            yield return origin;
    }

    /// <summary>The record as one line of JSON.</summary>
    public string Write() => JsonSerializer.Serialize(this, Options);

    /// <summary>Reads what <see cref="Write"/> wrote; null where it is none.</summary>
    public static Origin? Read(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<Origin>(json, Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

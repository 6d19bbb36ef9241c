using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Gpt2Cluster.Core.Specification;

/// <summary>The one JSON form of Core's records: snake case, enumerations by name, nothing left out.</summary>
public static class SpecificationJson
{
    /// <summary>
    /// The options: null is refused where a value must be, and a member that comes twice; members that are not known
    /// are kept aside (<see cref="StoredRecord.Unknown"/>).
    /// </summary>
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        RespectNullableAnnotations = true,
        AllowDuplicateProperties = false,
        IgnoreReadOnlyProperties = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>The specification as one line of JSON.</summary>
    public static string Write(RunSpecification specification) => JsonSerializer.Serialize(specification, Options);

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="UserErrorException">It is no specification; the message says where it goes wrong.</exception>
    public static RunSpecification Read(string json)
    {
        try
        {
            var found = JsonSerializer.Deserialize<RunSpecification>(json, Options)
                ?? throw new UserErrorException("The run's specification is empty.");

            // A value that a constructor takes and the text leaves out is null unseen, until it is written.
            _ = Leaves(found);
            return found;
        }
        catch (JsonException exception)
        {
            throw new UserErrorException($"The run's specification cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Every leaf of the specification by its path, such as <c>optimizer.beta1</c>, as JSON text.</summary>
    public static IReadOnlyDictionary<string, string> Leaves(RunSpecification specification)
    {
        var leaves = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Collect(JsonSerializer.SerializeToNode(specification, Options)!.AsObject(), "", leaves);
        return leaves;
    }

    private static void Collect(JsonObject node, string prefix, SortedDictionary<string, string> leaves)
    {
        foreach (var (name, value) in node)
        {
            if (value is JsonObject inner)
                Collect(inner, $"{prefix}{name}.", leaves);
            else
                leaves[prefix + name] = value?.ToJsonString() ?? "null";
        }
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Contracts.Runs.Events;

/// <summary>
/// Writes and reads <see cref="RunEvent"/> as one line of JSON: snake_case names, <c>event</c> first, letters
/// unescaped, doubles with as many digits as they need to round-trip (NaN and infinities as strings).
/// </summary>
public static class RunEventJson
{
    private static readonly RunEventJsonContext Context = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        AllowOutOfOrderMetadataProperties = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter<RunStatus>(JsonNamingPolicy.SnakeCaseLower) },
    });

    /// <summary>The event as one line of JSON without a line break.</summary>
    public static string Write(RunEvent runEvent) => JsonSerializer.Serialize(runEvent, Context.RunEvent);

    /// <summary>
    /// The event of a line; false if the line is not an event of this version. Unknown fields are ignored.
    /// </summary>
    public static bool TryRead(string line, [NotNullWhen(true)] out RunEvent? runEvent)
    {
        try
        {
            runEvent = JsonSerializer.Deserialize(line, Context.RunEvent);
        }
        catch (Exception exception) when (exception is JsonException or NotSupportedException)
        {
            runEvent = null;
        }

        return runEvent is not null;
    }
}

/// <summary>The generated metadata of the events.</summary>
[JsonSerializable(typeof(RunEvent))]
internal sealed partial class RunEventJsonContext : JsonSerializerContext;

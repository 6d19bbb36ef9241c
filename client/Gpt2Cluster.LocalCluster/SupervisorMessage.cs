using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gpt2Cluster.LocalCluster;

/// <summary>What becomes of a supervisor.</summary>
public enum SupervisorOutcome
{
    /// <summary>Its silos are ready, or it has stopped them as it was told to.</summary>
    Done,

    /// <summary>They could not be started, or all were given up.</summary>
    Failed,

    /// <summary>They could not be started, for a reason that is the user's to mend.</summary>
    BadInput,
}

/// <summary>The one line a supervisor says to the client that started it.</summary>
/// <param name="Outcome">Whether all silos are ready.</param>
/// <param name="Message">Why they are not, in one sentence.</param>
internal sealed record SupervisorMessage(SupervisorOutcome Outcome, string Message)
{
    /// <summary>All silos are ready.</summary>
    public static SupervisorMessage Ready { get; } = new(SupervisorOutcome.Done, "");

    /// <summary>The line.</summary>
    public override string ToString() =>
        JsonSerializer.Serialize(this, SupervisorMessageContext.Default.SupervisorMessage);

    /// <summary>Reads the line; a supervisor that ended without one has failed.</summary>
    public static SupervisorMessage Read(string? line)
    {
        try
        {
            return JsonSerializer.Deserialize(line ?? "", SupervisorMessageContext.Default.SupervisorMessage)
                ?? Failure(line);
        }
        catch (JsonException)
        {
            return Failure(line);
        }
    }

    private static SupervisorMessage Failure(string? line) => new(
        SupervisorOutcome.Failed,
        $"The local cluster's supervisor ended before its silos were ready. {line}".TrimEnd());
}

/// <summary>The generated metadata of the message.</summary>
[JsonSerializable(typeof(SupervisorMessage))]
internal sealed partial class SupervisorMessageContext : JsonSerializerContext;

using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gpt2Cluster.Client.LocalCluster;

/// <summary>The one line a supervisor says to the client that started it.</summary>
/// <param name="ExitCode">0 when all silos are ready, else what the client is to end with.</param>
/// <param name="Message">Why they are not, in one sentence.</param>
internal sealed record SupervisorMessage(int ExitCode, string Message)
{
    /// <summary>All silos are ready.</summary>
    public static SupervisorMessage Ready { get; } = new(ExitCodes.Done, "");

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

    private static SupervisorMessage Failure(string? line) =>
        new(ExitCodes.Failed, $"The local cluster's supervisor ended before its silos were ready. {line}".TrimEnd());
}

/// <summary>The generated metadata of the message.</summary>
[JsonSerializable(typeof(SupervisorMessage))]
internal sealed partial class SupervisorMessageContext : JsonSerializerContext;

using System.Text.Json.Serialization;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Contracts.Runs.Events;

/// <summary>
/// One event of a run: one line of JSON with an <c>event</c> field, as <c>train --json</c> and <c>watch --json</c>
/// print it. Read and write it with <see cref="RunEventJson"/>.
/// </summary>
[JsonPolymorphic(
    TypeDiscriminatorPropertyName = "event",
    UnknownDerivedTypeHandling = JsonUnknownDerivedTypeHandling.FailSerialization)]
[JsonDerivedType(typeof(SubmittedEvent), "submitted")]
[JsonDerivedType(typeof(StepEvent), "step")]
[JsonDerivedType(typeof(ValidationEvent), "validation")]
[JsonDerivedType(typeof(SampleEvent), "sample")]
[JsonDerivedType(typeof(CheckpointEvent), "checkpoint")]
[JsonDerivedType(typeof(MembershipEvent), "membership")]
[JsonDerivedType(typeof(WarningEvent), "warning")]
[JsonDerivedType(typeof(EndEvent), "end")]
public abstract record RunEvent
{
    /// <summary>The run's name.</summary>
    [JsonPropertyOrder(-1)]
    public required RunName Run { get; init; }
}

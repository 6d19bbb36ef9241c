using System.Collections.Immutable;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Runs.State;

/// <summary>A worker of the generation.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Incarnation">Of the silo's process.</param>
public sealed record RunMember(WorkerId Key, string Incarnation)
{
    /// <summary>The name of its silo.</summary>
    public SiloName Silo => Key.Silo;

    /// <summary>What it was told to prepare and has not answered; null once it has.</summary>
    public PrepareReplica? Awaited { get; init; }

    /// <summary>The step its replica stands at; null if it has none or has not said.</summary>
    public long? Step { get; init; }

    /// <summary>Measured seconds of one micro-batch in its last steps, at most three, oldest first.</summary>
    public ImmutableList<double> MeasuredSeconds { get; init; } = [];

    /// <summary>
    /// Seconds of one micro-batch; null before the first. The shortest of the last steps: what disturbs a measurement,
    /// a first step's warm-up or another program, only makes it longer.
    /// </summary>
    public double? SecondsPerMicroBatch => MeasuredSeconds.IsEmpty ? null : MeasuredSeconds.Min();

    /// <summary>What it holds of an interrupted plan for the step after its replica's; mostly none.</summary>
    public IReadOnlyList<LeafRange> Held { get; init; } = [];
}

using System.Globalization;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Faults;

/// <summary>What became of a run after one fault.</summary>
internal sealed record Outcome
{
    /// <summary>Where the fault struck.</summary>
    public required FaultPoint Point { get; init; }

    /// <summary>The fault's name.</summary>
    public required string Fault { get; init; }

    /// <summary>The cluster's store.</summary>
    public required StoreKind Store { get; init; }

    /// <summary>The silo it struck first, and the step it struck in.</summary>
    public required string Target { get; init; }

    /// <summary>The longest time between two commits from the fault on, beyond a step's normal time.</summary>
    public required TimeSpan Recovery { get; init; }

    /// <summary>A step's normal time: the median before the fault.</summary>
    public required TimeSpan StepTime { get; init; }

    /// <summary>Micro-batches that were begun more than once.</summary>
    public required int AgainCount { get; init; }

    /// <summary>How many of them were the dead silos', so that they had to be.</summary>
    public required int DeadCount { get; init; }

    /// <summary>Committed steps that were computed again, as every replica was gone.</summary>
    public required long LostSteps { get; init; }

    /// <summary>A step whose state hash is the undisturbed run's; null if that was not waited for.</summary>
    public long? EqualAtStep { get; init; }

    /// <summary>The heads of the columns of <see cref="Row"/>.</summary>
    public const string Head = "point           fault                      store     struck     recovery  (a step)  "
        + "again (dead's)  lost  hash";

    /// <summary>One line of a table.</summary>
    public string Row => string.Create(
        CultureInfo.InvariantCulture,
        $"{Point,-15} {Fault,-26} {Store,-9} {Target,-10} {Recovery.TotalSeconds,6:0.00} s  "
        + $"{$"({StepTime.TotalSeconds:0.00} s)",-8}  {AgainCount,5} {$"({DeadCount})",-9} {LostSteps,4}  {Hash}");

    private string Hash => EqualAtStep is { } step ? $"equal at step {step}" : "-";
}

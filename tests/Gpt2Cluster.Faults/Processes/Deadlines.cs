using System.Diagnostics;

namespace Gpt2Cluster.Faults.Processes;

/// <summary>
/// How long things may take before they count as hung. Faults are cleared within seconds; these bounds only tell slow
/// from never, also on a machine whose cores are busy with something else.
/// </summary>
internal static class Deadlines
{
    /// <summary>A silo's start.</summary>
    public static readonly TimeSpan Start = TimeSpan.FromSeconds(120);

    /// <summary>From a fault, or its end if it lasts, to the next committed step.</summary>
    public static readonly TimeSpan Recovery = TimeSpan.FromSeconds(120);

    /// <summary>Until a point is reached that comes every few steps.</summary>
    public static readonly TimeSpan Point = TimeSpan.FromSeconds(60);

    /// <summary>Until every silo serves the run.</summary>
    public static readonly TimeSpan EverybodyServes = TimeSpan.FromSeconds(120);
}

/// <summary>A moment that is not to pass.</summary>
internal readonly struct Deadline
{
    private readonly long at;

    private Deadline(long at) => this.at = at;

    /// <summary>Whether it has passed.</summary>
    public bool IsOver => Stopwatch.GetTimestamp() > at;

    /// <summary>From now on.</summary>
    public static Deadline In(TimeSpan time) =>
        new(Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency));
}

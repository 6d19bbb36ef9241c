using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Faults.Processes;

/// <summary>A thread of a silo was at a fault point.</summary>
/// <param name="At">On the clock of <see cref="Sightings"/>.</param>
/// <param name="Silo">The silo's name.</param>
/// <param name="Process">Its process: a silo that was started again has another one.</param>
/// <param name="Point">The point.</param>
/// <param name="Step">The step.</param>
/// <param name="IsStopped">Whether the thread stands there until it is let go.</param>
internal readonly record struct Sighting(
    TimeSpan At, string Silo, int Process, FaultPoint Point, long Step, bool IsStopped);

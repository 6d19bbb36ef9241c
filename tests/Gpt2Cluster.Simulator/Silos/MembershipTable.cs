using Gpt2Cluster.Simulator.Network;
using Gpt2Cluster.Simulator.Store;

namespace Gpt2Cluster.Simulator.Silos;

/// <summary>
/// Who is in the cluster, as the store says it. Silos probe each other; one that misses three probes of enough others
/// is declared dead there, whether it is or not, and finds out when it next reads the table.
/// </summary>
internal sealed class MembershipTable(SimulatedStore store, SimulatedNetwork network)
{
    /// <summary>Between two probes.</summary>
    public static readonly TimeSpan ProbePeriod = TimeSpan.FromSeconds(1);

    private const int MissedProbesLimit = 3;
    private const int VotesForDeath = 2;

    private readonly List<Silo> active = [];
    private readonly Dictionary<(Silo Observer, Silo Target), int> missed = [];

    /// <summary>A silo was declared dead.</summary>
    public event Action<Silo>? Died;

    /// <summary>The silos that are in it.</summary>
    public IReadOnlyList<Silo> Active => active;

    /// <summary>Whether a silo is in it.</summary>
    public bool IsActive(Silo silo) => active.Contains(silo);

    /// <summary>A silo joins; an earlier life of it is dead then.</summary>
    public void Join(Silo silo)
    {
        foreach (var earlier in active.Where(other => other.Name == silo.Name).ToList())
            Declare(earlier);
        active.Add(silo);
    }

    /// <summary>A silo is dead, or leaves.</summary>
    public void Declare(Silo silo)
    {
        if (active.Remove(silo))
            Died?.Invoke(silo);
    }

    /// <summary>A silo probes the others it knows and votes.</summary>
    public void Probe(Silo observer)
    {
        foreach (var target in observer.View.Where(other => other != observer))
        {
            var answers = target.Life.IsAwake && network.IsOpen(observer.Name, target.Name);
            missed[(observer, target)] = answers ? 0 : missed.GetValueOrDefault((observer, target)) + 1;
        }

        if (!store.IsReachedFrom(observer.Name))
            return;
        foreach (var target in active.Where(other => other != observer && IsVotedOut(other)).ToList())
            Declare(target);
    }

    private bool IsVotedOut(Silo target)
    {
        var votes = active.Count(other => missed.GetValueOrDefault((other, target)) >= MissedProbesLimit);
        return votes > 0 && votes >= Math.Min(VotesForDeath, (active.Count + 1) / 2);
    }
}

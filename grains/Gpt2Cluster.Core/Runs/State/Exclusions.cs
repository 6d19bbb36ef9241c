using System.Collections.Immutable;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Core.Runs.State;

/// <summary>All that the run does without, and what speaks against workers that it does not do without yet.</summary>
public sealed record Exclusions
{
    /// <summary>None.</summary>
    public static Exclusions None { get; } = new();

    /// <summary>In the order they were made.</summary>
    public ImmutableList<Exclusion> All { get; private init; } = [];

    /// <summary>
    /// How often each worker, by key and incarnation, was in trouble since it has committed a step; enough of them
    /// exclude it.
    /// </summary>
    public ImmutableDictionary<(WorkerId Key, string Incarnation), int> TroubleCounts { get; private init; } =
        ImmutableDictionary<(WorkerId Key, string Incarnation), int>.Empty;

    /// <summary>
    /// How often a silo said of another that it is out of reach, since the generation began or the last step was done;
    /// enough of it severs one of them.
    /// </summary>
    public ImmutableDictionary<(SiloName From, SiloName Silo), int> UnreachableCounts { get; private init; } =
        ImmutableDictionary<(SiloName From, SiloName Silo), int>.Empty;

    /// <summary>Workers that the cluster gives to other runs, as this one never takes them.</summary>
    public IEnumerable<Exclusion> Unfit => All.Where(each => each.Reason == ExclusionReason.Unfit);

    /// <summary>Whether a member's disk still works at a checkpoint that is not waited for any more.</summary>
    public bool IsDiskBusy(RunMember member) =>
        All.Exists(each => each.Reason == ExclusionReason.DiskBusy && each.Covers(member));

    /// <summary>With one more; of the same worker and reason the newest counts.</summary>
    public Exclusions With(Exclusion added)
    {
        var known = All.Find(each => (each.Silo, each.Device, each.Incarnation, each.Reason)
            == (added.Silo, added.Device, added.Incarnation, added.Reason));
        return this with { All = known is null ? All.Add(added) : All.Replace(known, added) };
    }

    /// <summary>Without those that are over.</summary>
    public Exclusions Without(Predicate<Exclusion> isOver) => this with { All = All.RemoveAll(isOver) };

    /// <summary>After an offer: who is not offered any more begins anew when it comes back.</summary>
    public Exclusions WithoutAbsent(IReadOnlyList<OfferedWorker> offered) =>
        Without(each => each.EndsWithTheOffer && !offered.Any(each.Covers))
            .Forgive(TroubleCounts.Keys.Except(offered.Select(worker => (worker.Key, worker.Incarnation))));

    /// <summary>With one more trouble of a member.</summary>
    public Exclusions WithTrouble(RunMember member) => this with
    {
        TroubleCounts = TroubleCounts.SetItem((member.Key, member.Incarnation), TroublesOf(member) + 1),
    };

    /// <summary>How often a member was in trouble.</summary>
    public int TroublesOf(RunMember member) => TroubleCounts.GetValueOrDefault((member.Key, member.Incarnation));

    /// <summary>Without the troubles of some workers.</summary>
    public Exclusions Forgive(IEnumerable<(WorkerId Key, string Incarnation)> workers) =>
        this with { TroubleCounts = TroubleCounts.RemoveRange(workers) };

    /// <summary>With one more report that a silo is out of another's reach.</summary>
    public Exclusions WithUnreachable(SiloName from, SiloName silo) =>
        this with { UnreachableCounts = UnreachableCounts.SetItem((from, silo), UnreachablesOf(from, silo) + 1) };

    /// <summary>How often a silo said of another that it is out of reach.</summary>
    public int UnreachablesOf(SiloName from, SiloName silo) => UnreachableCounts.GetValueOrDefault((from, silo));

    /// <summary>With how many silos one is out of touch, in either direction.</summary>
    public int SilosOutOfTouch(SiloName silo) =>
        UnreachableCounts.Keys.Count(pair => pair.From == silo || pair.Silo == silo);

    /// <summary>Without reports of unreachable silos: stripes have passed, or another generation tries.</summary>
    public Exclusions WithoutUnreachables() => this with { UnreachableCounts = UnreachableCounts.Clear() };
}

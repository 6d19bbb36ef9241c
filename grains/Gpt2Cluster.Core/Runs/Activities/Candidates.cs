using System.Collections.Immutable;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>Who may join, and how many the run needs.</summary>
internal static class Candidates
{
    /// <summary>
    /// Those offered that may join now, as far as there is room; and, once, those that are to leave but may hold the
    /// only replica.
    /// </summary>
    public static ImmutableList<OfferedWorker> Newcomers(RunState state)
    {
        var free = state.Cluster.Offered.FindAll(worker => MayJoin(state, worker));
        var staying = state.Members.Count(member => !state.IsLeaving(member));
        var room = (state.Record.Specification.Workers.Max ?? int.MaxValue) - staying;
        var holders = free.Where(worker => worker.Leaving is not null && state.MayHaveUnaskedWorkers);
        return [.. free.Where(worker => worker.Leaving is null).Take(Math.Max(0, room)), .. holders];
    }

    /// <summary>
    /// What is held is saved or handed over by however few there are; for steps there must be enough of them.
    /// </summary>
    public static int Needed(RunState state, ImmutableList<RunMember> members)
    {
        var isForSteps = state.Ending is null && !members.Exists(state.IsLeaving);
        return isForSteps ? state.Record.Specification.Workers.Min : 1;
    }

    /// <summary>Whether a member could be done without: those who are to leave compute nothing more.</summary>
    public static bool AreEnoughWithout(RunState state, RunMember member)
    {
        var others = state.Members.Remove(member);
        var newcomers = Newcomers(state with { Members = others }).FindAll(worker => worker.Leaving is null);
        var staying = others.FindAll(other => !state.IsLeaving(other));
        return staying.Count + newcomers.Count >= Needed(state, staying);
    }

    public static string Joined(ImmutableList<OfferedWorker> workers) =>
        $"{Names(workers.Select(worker => worker.Key))} joined";

    public static string Names(IEnumerable<WorkerId> workers)
    {
        List<WorkerId> all = [.. workers];
        return (all.Count == 1 ? "worker " : "workers ") + string.Join(", ", all);
    }

    private static bool MayJoin(RunState state, OfferedWorker worker) =>
        !state.Members.Exists(member => member.Key == worker.Key)
        && !state.Exclusions.All.Exists(each => each.Covers(worker) && IsKeptOut(state, each));

    private static bool IsKeptOut(RunState state, Exclusion exclusion) => exclusion.Reason switch
    {
        ExclusionReason.DiskBusy => false,
        // A run that has too few workers tries whoever there is.
        ExclusionReason.OutOfReach => state.Now < exclusion.Until
            && state.Members.Count >= state.Record.Specification.Workers.Min,
        _ => true,
    };
}

using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Processes;
using Gpt2Cluster.Faults.Training;

namespace Gpt2Cluster.Faults.Faults;

/// <summary>Reads out of the sightings what a fault has cost.</summary>
/// <param name="heard">Sightings from some steps before the fault on.</param>
/// <param name="began">When it happened.</param>
internal sealed class Aftermath(IReadOnlyList<Sighting> heard, TimeSpan began)
{
    /// <summary>The last step that was committed before the fault.</summary>
    public long LastCommitted { get; } = heard
        .Where(sighting => sighting.At <= began && sighting.Point == FaultPoint.Committed)
        .Select(sighting => sighting.Step)
        .DefaultIfEmpty(0)
        .Max();

    /// <summary>The median time between two commits before the fault.</summary>
    public TimeSpan NormalStepTime
    {
        get
        {
            List<TimeSpan> gaps = [.. Gaps(Commits(TimeSpan.Zero, began)).Order()];
            return gaps.Count == 0 ? TimeSpan.Zero : gaps[gaps.Count / 2];
        }
    }

    /// <summary>The longest time between two commits from the fault until the run has recovered.</summary>
    public TimeSpan LongestGap(TimeSpan recovered)
    {
        var commits = Commits(began, recovered).Where(commit => commit.Step > LastCommitted);
        return Gaps([(LastCommitted, began), .. commits]).Max();
    }

    /// <summary>Committed steps that were planned again.</summary>
    public long LostSteps(TimeSpan recovered)
    {
        var (committed, lost) = (LastCommitted, 0L);
        foreach (var sighting in heard.Where(each => each.At > began && each.At <= recovered && !each.IsStopped))
        {
            if (sighting.Point == FaultPoint.Committed)
                committed = Math.Max(committed, sighting.Step);
            else if (sighting.Point == FaultPoint.Planning)
                lost = Math.Max(lost, committed + 1 - sighting.Step);
        }

        return lost;
    }

    /// <summary>
    /// Micro-batches that were begun more than once: those of steps that were committed already, and of the others what
    /// is more than a step has.
    /// </summary>
    /// <param name="recovered">Until when.</param>
    /// <param name="living">Processes that are there.</param>
    /// <returns>All, and those that were begun by processes which are gone.</returns>
    public (int All, int Dead) Again(TimeSpan recovered, IReadOnlyCollection<int> living)
    {
        var begun = heard
            .Where(sighting => sighting.At <= recovered && sighting is { Point: FaultPoint.Forward, IsStopped: false })
            .ToLookup(sighting => sighting.Step > LastCommitted);
        var repeated = begun[false].Count(sighting => sighting.At > began);
        var steps = begun[true]
            .GroupBy(sighting => sighting.Step)
            .Where(step => step.Count() > RunPlan.MicroBatchCount)
            .ToList();
        return (repeated + steps.Sum(step => step.Count() - RunPlan.MicroBatchCount),
            steps.Sum(step => step.Count(sighting => !living.Contains(sighting.Process))));
    }

    private List<(long Step, TimeSpan At)> Commits(TimeSpan from, TimeSpan to) =>
    [
        .. heard
            .Where(sighting => sighting.Point == FaultPoint.Committed && !sighting.IsStopped
                && sighting.At > from && sighting.At <= to)
            .GroupBy(sighting => sighting.Step)
            .Select(step => (step.Key, step.Min(sighting => sighting.At))),
    ];

    private static IEnumerable<TimeSpan> Gaps(IReadOnlyList<(long Step, TimeSpan At)> commits) =>
        commits.Zip(commits.Skip(1), (before, after) => after.At - before.At);
}

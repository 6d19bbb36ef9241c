using CsCheck;
using Gpt2Cluster.Grains.Cluster;

namespace Gpt2Cluster.Grains.Tests.Cluster;

public sealed class WorkerAssignmentTests
{
    private static readonly Dictionary<string, string> Nothing = [];

    [Fact]
    public void The_oldest_run_is_served_first()
    {
        var next = WorkerAssignment.Assign(["a", "b", "c"], [new("old", 1, 2), new("new", 1, 9)], Nothing);
        Assert.Equal(new() { ["a"] = "old", ["b"] = "old", ["c"] = "new" }, next);
    }

    [Fact]
    public void A_run_waits_until_it_can_have_its_least_number_and_does_not_hold_up_a_younger_one()
    {
        var next = WorkerAssignment.Assign(["a"], [new("big", 2, 2), new("small", 1, 1)], Nothing);
        Assert.Equal(new() { ["a"] = "small" }, next);
    }

    [Fact]
    public void A_run_that_lost_workers_goes_on_with_those_it_has()
    {
        Dictionary<string, string> current = new() { ["a"] = "run", ["gone"] = "run" };
        Assert.Equal(new() { ["a"] = "run" }, WorkerAssignment.Assign(["a"], [new("run", 2, 2)], current));
    }

    [Fact]
    public void A_run_that_is_over_frees_its_workers()
    {
        Dictionary<string, string> current = new() { ["a"] = "over", ["b"] = "run" };
        Assert.Equal(
            new() { ["a"] = "run", ["b"] = "run" }, WorkerAssignment.Assign(["a", "b"], [new("run", 1, 9)], current));
    }

    [Fact]
    public void What_holds_stays_bounds_are_kept_and_nothing_changes_twice() =>
        (from workers in Gen.Int[0, 8]
         from bounds in Gen.Select(Gen.Int[1, 4], Gen.Int[0, 4]).List[0, 5]
         from owners in Gen.Int[-1, 5].List[8, 8]
         select (workers, bounds, owners)).Sample(sample =>
        {
            string[] workers = [.. Enumerable.Range(0, sample.workers).Select(index => $"w{index}")];
            WorkerDemand[] demands = [.. sample.bounds.Select((bound, index) =>
                new WorkerDemand($"r{index}", bound.Item1, bound.Item1 + bound.Item2))];
            var current = sample.owners.Select((owner, index) => (owner, index)).Where(pair => pair.owner >= 0)
                .ToDictionary(pair => $"w{pair.index}", pair => $"r{pair.owner}");
            var next = WorkerAssignment.Assign(workers, demands, current);
            Assert.Subset(workers.ToHashSet(), next.Keys.ToHashSet());
            foreach (var demand in demands)
            {
                var had = workers.Count(worker => current.GetValueOrDefault(worker) == demand.Name);
                var has = next.Values.Count(run => run == demand.Name);
                Assert.InRange(has, Math.Min(had, demand.AtMost), demand.AtMost);
                Assert.True(has == 0 || had > 0 || has >= demand.AtLeast);
                Assert.True(has < demand.AtMost && has > 0 ? next.Count == workers.Length : true);
            }

            Assert.Equal(next, WorkerAssignment.Assign(workers, demands, next));
        });
}

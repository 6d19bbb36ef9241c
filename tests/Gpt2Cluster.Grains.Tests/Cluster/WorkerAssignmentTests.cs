using CsCheck;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Grains.Cluster;

namespace Gpt2Cluster.Grains.Tests.Cluster;

public sealed class WorkerAssignmentTests
{
    private static readonly Dictionary<WorkerId, RunName> Nothing = [];

    [Fact]
    public void The_oldest_run_is_served_first()
    {
        var next = Assign(["a", "b", "c"], [new(Run("old"), 1, 2), new(Run("new"), 1, 9)], Nothing);
        Assert.Equal(new() { [Worker("a")] = Run("old"), [Worker("b")] = Run("old"), [Worker("c")] = Run("new") },
            next.Runs);
    }

    [Fact]
    public void A_run_waits_until_it_can_have_its_least_number_and_does_not_hold_up_a_younger_one()
    {
        var next = Assign(["a"], [new(Run("big"), 2, 2), new(Run("small"), 1, 1)], Nothing);
        Assert.Equal(new() { [Worker("a")] = Run("small") }, next.Runs);
    }

    [Fact]
    public void A_run_that_lost_workers_keeps_those_it_has_while_nobody_else_can_use_them()
    {
        Dictionary<WorkerId, RunName> current = new() { [Worker("a")] = Run("run"), [Worker("gone")] = Run("run") };
        Assert.Equal(new() { [Worker("a")] = Run("run") }, Assign(["a"], [new(Run("run"), 2, 2)], current).Runs);
        var shared = Assign(["a"], [new(Run("run"), 2, 2), new(Run("small"), 1, 1)], current);
        Assert.Equal(new() { [Worker("a")] = "run small gets it" }, shared.Leaving);
    }

    [Fact]
    public void A_run_that_is_over_frees_its_workers()
    {
        Dictionary<WorkerId, RunName> current = new() { [Worker("a")] = Run("over"), [Worker("b")] = Run("run") };
        Assert.Equal(new() { [Worker("a")] = Run("run"), [Worker("b")] = Run("run") },
            Assign(["a", "b"], [new(Run("run"), 1, 9)], current).Runs);
    }

    [Fact]
    public void A_run_that_waits_gets_its_least_number_from_those_that_have_more_than_theirs()
    {
        Dictionary<WorkerId, RunName> current =
            new() { [Worker("a")] = Run("old"), [Worker("b")] = Run("old"), [Worker("c")] = Run("old") };
        var next = Assign(["a", "b", "c"], [new(Run("old"), 1, 9), new(Run("new"), 1, 9)], current);
        Assert.Equal(current, next.Runs);
        Assert.Equal(new() { [Worker("c")] = "run new gets it" }, next.Leaving);

        current.Remove(Worker("c"));
        next = Assign(["a", "b", "c"], [new(Run("old"), 1, 9), new(Run("new"), 1, 9)], current);
        Assert.Equal(new() { [Worker("a")] = Run("old"), [Worker("b")] = Run("old"), [Worker("c")] = Run("new") },
            next.Runs);
        Assert.Empty(next.Leaving);
    }

    [Fact]
    public void The_youngest_of_those_that_have_more_gives_first_and_nobody_below_its_least_number()
    {
        Dictionary<WorkerId, RunName> current =
            new()
            {
                [Worker("a")] = Run("one"),
                [Worker("b")] = Run("one"),
                [Worker("c")] = Run("two"),
                [Worker("d")] = Run("two"),
                [Worker("e")] = Run("two")
            };
        string[] workers = ["a", "b", "c", "d", "e"];
        var next = Assign(workers, [new(Run("one"), 1, 9), new(Run("two"), 2, 9), new(Run("three"), 2, 2)], current);
        Assert.Equal(new() { [Worker("b")] = "run three gets it", [Worker("e")] = "run three gets it" }, next.Leaving);
        Assert.Empty(
            Assign(workers, [new(Run("one"), 1, 9), new(Run("two"), 2, 9), new(Run("three"), 3, 3)], current).Leaving);
    }

    [Fact]
    public void Workers_of_a_silo_that_stops_leave_and_others_take_their_place()
    {
        Dictionary<WorkerId, RunName> current = new() { [Worker("a")] = Run("run") };
        var next = WorkerAssignment.Assign([new(Worker("a"), true), new(Worker("b")), new(Worker("c"), true)],
            [new(Run("run"), 1, 1)], current);
        Assert.Equal(new() { [Worker("a")] = Run("run"), [Worker("b")] = Run("run") }, next.Runs);
        Assert.Equal(new() { [Worker("a")] = WorkerAssignment.SiloStops }, next.Leaving);
    }

    [Fact]
    public void A_run_that_asks_for_fewer_lets_the_rest_go()
    {
        Dictionary<WorkerId, RunName> current = new() { [Worker("a")] = Run("run"), [Worker("b")] = Run("run") };
        var next = Assign(["a", "b"], [new(Run("run"), 1, 1)], current);
        Assert.Equal([Worker("b")], next.Leaving.Keys);
    }

    [Fact]
    public void A_worker_that_its_run_refuses_goes_to_another_one()
    {
        Dictionary<WorkerId, RunName> current = new() { [Worker("a")] = Run("exact"), [Worker("b")] = Run("exact") };
        var exact = new WorkerDemand(Run("exact"), 1, 9) { Refused = new HashSet<WorkerId> { Worker("b") } };
        var shared = Assign(["a", "b"], [exact, new(Run("new"), 1, 9)], current);
        Assert.Equal(new() { [Worker("a")] = Run("exact"), [Worker("b")] = Run("new") }, shared.Runs);
        Assert.Equal(new() { [Worker("a")] = Run("exact") }, Assign(["a", "b"], [exact], current).Runs);
    }

    [Fact]
    public void A_run_that_refuses_what_there_is_takes_nobody_from_another_one()
    {
        Dictionary<WorkerId, RunName> current = new() { [Worker("a")] = Run("old"), [Worker("b")] = Run("old") };
        var picky =
            new WorkerDemand(Run("picky"), 1, 1) { Refused = new HashSet<WorkerId> { Worker("a"), Worker("b") } };
        var next = Assign(["a", "b"], [new(Run("old"), 1, 9), picky], current);
        Assert.Equal(current, next.Runs);
        Assert.Empty(next.Leaving);
    }

    /// <summary>
    /// Whoever is refused is given to nobody that refuses it, nobody stays free whom a run with its least number could
    /// use, and an answer that is executed comes to rest.
    /// </summary>
    [Fact]
    public void Refusals_are_heeded_and_come_to_rest() => Gen.Select(Situations, Gen.Bool.List[18, 18], Gen.Int)
        .Sample((drawn, refusals, seed) =>
        {
            var situation = drawn with { Demands = [.. drawn.Demands.Select((demand, run) => Refusing(demand, run))] };
            var (random, current) = (new Random(seed), new Dictionary<WorkerId, RunName>(situation.Current));
            for (var round = 0; ; round++)
            {
                Assert.True(round <= 2 + (3 * situation.Workers.Length), "It does not come to rest.");
                var before = current;
                var plan = WorkerAssignment.Assign(situation.Workers, situation.Demands, current);
                Assert.All(plan.Runs, pair => Assert.True(DemandOf(pair.Value).Takes(pair.Key)));
                current = plan.Runs;
                if (plan.Leaving.Count > 0)
                    current.Remove(plan.Leaving.Keys.ElementAt(random.Next(plan.Leaving.Count)));
                else if (current.Count == before.Count && current.All(before.Contains))
                    break;
            }

            var free = situation.Workers.Where(worker => !worker.StopsWithSilo && !current.ContainsKey(worker.Key));
            Assert.All(free, worker => Assert.DoesNotContain(situation.Demands, demand =>
                demand.Takes(worker.Key) && Has(situation, current, demand) is var has
                && has >= demand.AtLeast && has < demand.AtMost));

            WorkerDemand DemandOf(RunName run) => situation.Demands.Single(demand => demand.Name == run);

            WorkerDemand Refusing(WorkerDemand demand, int run) => demand with
            {
                Refused = drawn.Workers.Select(worker => worker.Key).Where((_, index) => refusals[(6 * run) + index])
                    .ToHashSet(),
            };
        });

    /// <summary>
    /// The twin tries every division and takes the best: runs that have their least number keep it; then as many of
    /// the others as can be, the oldest first, get theirs; then the oldest keeps most; then the oldest gets most.
    /// </summary>
    [Fact]
    public void The_shares_are_those_of_a_twin_that_tries_all() => Situations.Sample(situation =>
    {
        var plan = WorkerAssignment.Assign(situation.Workers, situation.Demands, situation.Current);
        var shares = situation.Demands.Select(demand => plan.Runs.Count(pair => pair.Value == demand.Name
            && !plan.Leaving.ContainsKey(pair.Key)) + plan.Leaving.Values.Count(why => why == Gets(demand)));
        Assert.Equal(Best(situation), shares);
    });

    [Fact]
    public void An_answer_that_is_executed_bit_by_bit_comes_to_rest_without_moving_a_worker_twice() =>
        Gen.Select(Situations, Gen.Int).Sample((situation, seed) =>
        {
            var random = new Random(seed);
            var current = new Dictionary<WorkerId, RunName>(situation.Current);
            var moved = new HashSet<WorkerId>();
            for (var round = 0; ; round++)
            {
                Assert.True(round <= 2 * situation.Workers.Length, "It does not come to rest.");
                var had = Enough(situation, current);
                var plan = WorkerAssignment.Assign(situation.Workers, situation.Demands, current);
                current = plan.Runs;
                if (plan.Leaving.Count == 0)
                    break;
                var goes = plan.Leaving.Keys.ElementAt(random.Next(plan.Leaving.Count));
                Assert.True(moved.Add(goes), $"{goes} moves twice.");
                current.Remove(goes);
                if (!situation.Workers.Single(worker => worker.Key == goes).StopsWithSilo)
                    Assert.Subset(Enough(situation, current), had);
            }

            Assert.Equal(current, WorkerAssignment.Assign(situation.Workers, situation.Demands, current).Runs);
        });

    private static Gen<Situation> Situations { get; } =
        from workers in Gen.Bool.List[0, 6]
        from bounds in Gen.Select(Gen.Int[1, 4], Gen.Int[0, 4]).List[0, 3]
        from owners in Gen.Int[-1, 3].List[6, 6]
        select new Situation(
            [.. workers.Select((stops, index) => new AssignableWorker(Worker($"w{index}"), stops && index % 3 == 0))],
            [.. bounds.Select((bound, index) =>
                new WorkerDemand(Run($"r{index}"), bound.Item1, bound.Item1 + bound.Item2))],
            owners.Select((owner, index) => (owner, index)).Where(pair => pair.owner >= 0)
                .ToDictionary(pair => Worker($"w{pair.index}"), pair => Run($"r{pair.owner}")));

    private static AssignmentPlan Assign(
        string[] workers, WorkerDemand[] demands, Dictionary<WorkerId, RunName> current) =>
        WorkerAssignment.Assign([.. workers.Select(key => new AssignableWorker(Worker(key)))], demands, current);

    private static WorkerId Worker(string silo) => new(silo.Silo(), 0);

    private static RunName Run(string name) => name.Run();

    private static string Gets(WorkerDemand demand) => $"run {demand.Name} gets it";

    private static int Has(Situation situation, Dictionary<WorkerId, RunName> current, WorkerDemand demand) =>
        situation.Workers.Count(worker =>
            !worker.StopsWithSilo && current.TryGetValue(worker.Key, out var run) && run == demand.Name);

    private static HashSet<RunName> Enough(Situation situation, Dictionary<WorkerId, RunName> current) =>
    [
        .. situation.Demands.Where(demand => Has(situation, current, demand) >= demand.AtLeast)
            .Select(demand => demand.Name),
    ];

    private static int[] Best(Situation situation)
    {
        var count = situation.Workers.Count(worker => !worker.StopsWithSilo);
        var has = situation.Demands.Select(demand => Has(situation, situation.Current, demand)).ToArray();
        return Divisions(situation.Demands.Length, count)
            .Where(shares => Enumerable.Range(0, shares.Length)
                .All(run => IsAllowed(situation.Demands[run], has[run], shares[run])))
            .MaxBy(shares => Worth(situation.Demands, has, shares), Comparer<int[]>.Create(Compare))!;
    }

    private static bool IsAllowed(WorkerDemand demand, int has, int share) => share <= demand.AtMost
        && (share >= demand.AtLeast || (share <= has && has < demand.AtLeast));

    private static int[] Worth(WorkerDemand[] demands, int[] has, int[] shares) =>
    [
        .. shares.Select((share, run) => share >= demands[run].AtLeast ? 1 : 0),
        .. shares.Select((share, run) => Math.Min(share, has[run])),
        .. shares,
    ];

    private static int Compare(int[]? one, int[]? other) =>
        one!.Zip(other!).Select(pair => pair.First.CompareTo(pair.Second)).FirstOrDefault(sign => sign != 0);

    private static IEnumerable<int[]> Divisions(int runCount, int workerCount) => runCount == 0
        ? [[]]
        : from first in Enumerable.Range(0, workerCount + 1)
          from rest in Divisions(runCount - 1, workerCount - first)
          select (int[])[first, .. rest];

    private sealed record Situation(
        AssignableWorker[] Workers, WorkerDemand[] Demands, Dictionary<WorkerId, RunName> Current);
}

using CsCheck;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Tests.Specification;

namespace Gpt2Cluster.Core.Tests.Runs;

/// <summary>Ranges follow the speeds that workers measure.</summary>
public sealed class UnevenWorkersTests
{
    private const int MicroBatchCount = 20;

    /// <summary>
    /// The promise: a slow worker costs at most this much beside the sum of the speeds. With three fast ones no
    /// division of 20 whole micro-batches keeps it: 7, 6, 6 and 1 take an eighth longer than that sum would.
    /// </summary>
    private const double AllowedLoss = 0.10;

    /// <summary>A first step takes this much longer, while code is compiled and memory touched.</summary>
    private const double WarmUp = 20;

    /// <summary>Other programs make a step longer by up to this share.</summary>
    private const double Disturbance = 0.03;

    [Fact]
    public void After_three_steps_a_worker_four_times_slower_costs_a_tenth_at_most() =>
        (from fast in Gen.Int[1, 2] from seed in Gen.Int select (fast, seed)).Sample((fast, seed) =>
        {
            double[] seconds = [.. Enumerable.Repeat(1.0, fast), 4.0];
            var plans = Plans(seconds, new Random(seed), stepCount: 4);
            var sum = seconds.Sum(each => 1 / each);
            var time = plans[^1].Zip(seconds, (ranges, each) => ranges.LeafCount() * each).Max();
            Assert.InRange(MicroBatchCount / sum / time, 1 - AllowedLoss, 1);
        });

    [Fact]
    public void A_worker_that_becomes_slow_is_believed_after_three_steps()
    {
        var random = new Random(1);
        var cluster = new PlannedRun(MicroBatchCount, ["a", "b"]);
        for (var step = 0; step < 3; step++)
            cluster.Step([1, 1], _ => 1);
        Assert.Equal([10, 10], cluster.Counts);
        for (var step = 0; step < 3; step++)
            cluster.Step([1, 4], _ => 1 + (Disturbance * random.NextDouble()));
        Assert.Equal([16, 4], cluster.Counts);
    }

    [Fact]
    public void One_disturbed_step_changes_nothing()
    {
        var cluster = new PlannedRun(MicroBatchCount, ["a", "b"]);
        cluster.Step([1, 1], _ => 1);
        cluster.Step([1, 1], worker => worker == 1 ? WarmUp : 1);
        Assert.Equal([10, 10], cluster.Counts);
    }

    private static List<IReadOnlyList<LeafRange>[]> Plans(double[] seconds, Random random, int stepCount)
    {
        var cluster = new PlannedRun(MicroBatchCount, [.. seconds.Select((_, index) => $"{(char)('a' + index)}")]);
        var plans = new List<IReadOnlyList<LeafRange>[]>();
        for (var step = 0; step < stepCount; step++)
        {
            plans.Add(cluster.Ranges);
            var warmUp = step == 0 ? WarmUp : 1;
            cluster.Step(seconds, _ => warmUp * (1 + (Disturbance * random.NextDouble())));
        }

        return plans;
    }

    /// <summary>The coordinator of a run whose workers only measure.</summary>
    private sealed class PlannedRun
    {
        private readonly List<string> silos;
        private RunState state;

        public PlannedRun(int microBatchCount, List<string> silos)
        {
            this.silos = silos;
            state = new RunState(new RunRecord
            {
                Specification = Specifications.Sound with
                {
                    Steps = 100,
                    MicroBatchCount = microBatchCount,
                    ValidateEvery = 0,
                    SaveEvery = 0,
                    Sampling = Specifications.Sound.Sampling with { Every = 0 },
                },
            });
            Hear(new Started());
            Hear(new WorkersOffered(
                [.. silos.Select(silo => new OfferedWorker($"{silo}/0", silo, "1"))], silos.Count, []));
            foreach (var silo in silos)
            {
                Hear(new ReplicaReady($"{silo}/0", state.Record.Generation, 0, Profiles.Cpu));
                Hear(new ExchangeReady(silo, state.Record.Generation));
            }
        }

        /// <summary>The ranges of the step in flight, by worker.</summary>
        public IReadOnlyList<LeafRange>[] Ranges =>
            [.. Assert.IsType<RunPhase.Stepping>(state.Phase).Work.Shares.Select(share => share.Part)];

        public IEnumerable<int> Counts => Ranges.Select(ranges => ranges.LeafCount());

        public void Step(double[] seconds, Func<int, double> disturbance)
        {
            var (step, ranges) = (state.Step + 1, Ranges);
            for (var worker = 0; worker < silos.Count; worker++)
            {
                var count = ranges[worker].LeafCount();
                Hear(new StepReported(
                    $"{silos[worker]}/0",
                    state.Record.Generation,
                    step,
                    [.. Enumerable.Repeat(1.0, count)],
                    GradientNorm: 1,
                    Applied: true,
                    Compute: TimeSpan.FromSeconds(count * seconds[worker] * disturbance(worker))));
            }
        }

        private void Hear(CoordinatorInput heard) => (state, _) = RunMachine.Decide(state, heard);
    }
}

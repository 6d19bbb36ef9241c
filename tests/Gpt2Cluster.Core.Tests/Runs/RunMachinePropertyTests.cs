using CsCheck;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Tests.Reduction;
using Gpt2Cluster.Core.Tests.Specification;

namespace Gpt2Cluster.Core.Tests.Runs;

public sealed class RunMachinePropertyTests
{
    // A run of 12 steps needs about 300 deliveries without faults; each fault costs some more.
    private const int MaxDeliveries = 20_000;

    private static readonly RunSpecification Small = Specifications.Sound with
    {
        Steps = 12,
        MicroBatchCount = 5,
        SaveEvery = 3,
        Keep = 2,
        ValidateEvery = 4,
        Schedule = new LearningRateSchedule(ScheduleKind.Cosine, 1e-3, 2),
        Sampling = new SamplingOptions { Every = 5, Count = 3, Length = 10 },
    };

    [Fact]
    public void Whatever_dies_on_the_way_every_step_is_committed_once_and_in_order() =>
        Gen.Int.Sample(seed =>
        {
            var random = new Random(seed);
            var cluster = new SimulatedCluster(Small, seed);
            for (var delivery = 0; cluster.Stored.Status != RunStatus.Completed; delivery++)
            {
                Assert.True(delivery < MaxDeliveries, $"Stuck in {cluster.State.Phase} at step {cluster.State.Step}.");
                if (cluster.Stored.Status == RunStatus.Failed)
                    ResumeAfterALostSave(cluster);
                if (delivery < 1500)
                    Disturb(cluster, random);
                if (cluster.LiveCount == 0)
                    cluster.Join();
                // The grain asks for its workers every second, and hears what is new.
                if (delivery % 20 == 0)
                    cluster.OfferAll();
                cluster.Deliver();
            }

            AssertInOrder(cluster);
            Assert.Equal(12, cluster.Stored.CommittedStep);
            Assert.Contains(cluster.Stored.Checkpoints, entry => entry.Step == 12);
            Assert.Equal(Undisturbed(5), cluster.Parameters[12]);
            Assert.All(cluster.Stored.Checkpoints, entry => Assert.Equal($"hash{entry.Step}", entry.StateHash));
        });

    [Fact]
    public void A_kill_costs_no_more_than_the_leaves_of_the_dead() =>
        Gen.Int.Sample(seed =>
        {
            var random = new Random(seed);
            var cluster = new SimulatedCluster(Small with { MicroBatchCount = 11 }, seed);
            for (var worker = 0; worker < 4; worker++)
                cluster.Join();
            for (var delivery = 0; cluster.End is null; delivery++)
            {
                Assert.True(delivery < MaxDeliveries, $"Stuck in {cluster.State.Phase} at step {cluster.State.Step}.");
                if (delivery < 2000 && random.Next(60) == 0 && cluster.LiveCount > 2)
                    cluster.Kill();
                if (random.Next(100) == 0 && cluster.LiveCount < 4)
                    cluster.Join();
                if (delivery < 2000 && random.Next(200) == 0)
                    cluster.KillCoordinator();
                if (delivery % 20 == 0)
                    cluster.OfferAll();
                cluster.Deliver();
            }

            Assert.Equal(Undisturbed(11), cluster.Parameters[12]);
            // Those that were left may not have joined yet: then the run goes on from a checkpoint.
            if (cluster.Notices.OfType<Warned>().Any(warning => warning.Message.StartsWith("No replica")))
                return;
            for (var step = 1; step <= 12; step++)
                Assert.InRange(cluster.ComputedCount(step), 11, 11 + cluster.LostCount(step));
        });

    [Fact]
    public void Whoever_leaves_in_good_order_costs_no_leaf_and_no_step() =>
        Gen.Int.Sample(seed =>
        {
            var random = new Random(seed);
            var cluster = new SimulatedCluster(Small, seed) { IsCalm = true };
            for (var delivery = 0; cluster.End is null; delivery++)
            {
                Assert.True(delivery < MaxDeliveries, $"Stuck in {cluster.State.Phase} at step {cluster.State.Step}.");
                if (random.Next(100) == 0 && cluster.LiveCount < 4)
                    cluster.Join();
                if (delivery < 3000 && random.Next(80) == 0)
                    cluster.Drain();
                if (delivery < 3000 && random.Next(200) == 0)
                    cluster.KillCoordinator();
                if (delivery % 20 == 0)
                    cluster.OfferAll();
                cluster.Deliver();
            }

            Assert.Equal(Undisturbed(5), cluster.Parameters[12]);
            AssertInOrder(cluster);
            Assert.All(cluster.Committed, step => Assert.Equal(5, cluster.ComputedCount(step)));
        });

    [Fact]
    public void What_lies_on_two_disks_outlives_any_one_of_them() =>
        Gen.Select(Gen.Int, Gen.Int[0, 400]).Sample((seed, fire) =>
        {
            var random = new Random(seed);
            var cluster = new SimulatedCluster(Small, seed) { IsCalm = true };
            for (var delivery = 0; cluster.End is null; delivery++)
            {
                Assert.True(delivery < MaxDeliveries, $"Stuck in {cluster.State.Phase} at step {cluster.State.Step}.");
                if (cluster.LiveCount == 0 || (random.Next(100) == 0 && cluster.LiveCount < 4))
                    cluster.Join();
                if (delivery == fire)
                    AssertNothingBurnt(cluster);
                if (delivery % 20 == 0)
                    cluster.OfferAll();
                cluster.Deliver();
            }

            Assert.Equal(Undisturbed(5), cluster.Parameters[12]);
            // The run ends before a copy that takes long; what comes of it is still heard.
            for (var delivery = 0; cluster.Stored.NewestCheckpoint!.Copies.Count == 0; delivery++)
            {
                Assert.True(delivery < MaxDeliveries, "The result lies on one disk only.");
                cluster.Deliver();
            }
        });

    [Fact]
    public void Pauses_at_random_lose_nothing() =>
        Gen.Int.Sample(seed =>
        {
            var random = new Random(seed);
            var cluster = new SimulatedCluster(Small, seed);
            cluster.Join();
            cluster.Join();
            for (var delivery = 0; cluster.Stored.Status != RunStatus.Completed; delivery++)
            {
                Assert.True(delivery < MaxDeliveries, $"Stuck in {cluster.State.Phase} at step {cluster.State.Step}.");
                if (delivery < 2000 && random.Next(40) == 0)
                    cluster.Tell(new PauseRequested());
                if (cluster.Stored.Status == RunStatus.Failed)
                    ResumeAfterALostSave(cluster);
                if (cluster.Stored.Status == RunStatus.Paused)
                {
                    cluster.Tell(new ResumeRequested());
                    cluster.OfferAll();
                }

                if (cluster.State.Phase is RunPhase.Waiting)
                    cluster.OfferAll();
                cluster.Deliver();
            }

            AssertInOrder(cluster);
        });

    [Fact]
    public void Without_faults_everything_happens_once_at_its_step()
    {
        var cluster = new SimulatedCluster(Small, 3);
        cluster.Join();
        cluster.Join();
        cluster.Join();
        for (var delivery = 0; cluster.End is null && delivery < MaxDeliveries; delivery++)
            cluster.Deliver();
        Assert.Equal(Enumerable.Range(1, 12).Select(step => (long)step), cluster.Committed);
        Assert.Equal([4, 8, 12], cluster.Notices.OfType<ValidationDone>().Select(notice => notice.Step));
        Assert.Equal(
            [(5, 0), (5, 1), (5, 2), (10, 0), (10, 1), (10, 2)],
            cluster.Notices.OfType<SampleDrawn>().Select(notice => (notice.Step, notice.Index)));
        Assert.All(
            cluster.Notices.OfType<StepCommitted>(),
            notice => Assert.Equal(MeanLoss(notice.Step), notice.Loss));
    }

    /// <summary>
    /// Its last checkpoint failed three times, its only right to fail; whoever has made room resumes it.
    /// </summary>
    private static void ResumeAfterALostSave(SimulatedCluster cluster)
    {
        Assert.Contains("could not be saved", cluster.Stored.Remark, StringComparison.Ordinal);
        cluster.Tell(new ResumeRequested());
        cluster.OfferAll();
    }

    private static void AssertNothingBurnt(SimulatedCluster cluster)
    {
        var twice = cluster.Stored.Checkpoints.LastOrDefault(entry => entry.Copies.Count > 0)?.Step ?? 0;
        cluster.BurnDown();
        cluster.Join();
        bool Begins() => cluster.State.Phase is RunPhase.Waiting or RunPhase.Surveying or RunPhase.Preparing;
        for (var delivery = 0; Begins(); delivery++)
        {
            Assert.True(delivery < MaxDeliveries, $"Stuck in {cluster.State.Phase}.");
            if (delivery % 20 == 0)
                cluster.OfferAll();
            cluster.Deliver();
        }

        var step = cluster.State.Step;
        Assert.True(step >= twice, $"Step {twice} lay on two disks; it goes on from {step}.");
    }

    private static float Undisturbed(int leafCount)
    {
        var parameter = 0.5f;
        for (var step = 1; step <= 12; step++)
        {
            var leaves = new float[leafCount];
            for (var index = 0; index < leafCount; index++)
                leaves[index] = SimulatedModel.Gradient(step, index, parameter);
            parameter = SimulatedModel.Updated(parameter, Floats.TreeSum(leaves), leafCount);
        }

        return parameter;
    }

    private static double MeanLoss(long step) =>
        Enumerable.Range(0, 5).Aggregate(0.0, (sum, index) => sum + SimulatedModel.Loss(step, index)) / 5;

    // A step whose commit a dying coordinator did not see is warned of instead of told.
    private static void AssertInOrder(SimulatedCluster cluster)
    {
        Assert.Equal(cluster.Committed.Distinct().Order(), cluster.Committed);
        var unseen = cluster.Notices.OfType<Warned>().Count(warning => warning.Message.Contains("is not known"));
        Assert.Equal(12, cluster.Committed.Count + unseen);
    }

    private static void Disturb(SimulatedCluster cluster, Random random)
    {
        switch (random.Next(120))
        {
            case 0 or 1 when cluster.LiveCount < 6: cluster.Join(); break;
            case 2: cluster.Kill(); break;
            case 3 when random.Next(3) == 0: cluster.KillCoordinator(); break;
            case 4: cluster.OfferAll(); break;
            case 5: cluster.Restart(); break;
            case 6: cluster.Drain(); break;
            default: break;
        }
    }
}

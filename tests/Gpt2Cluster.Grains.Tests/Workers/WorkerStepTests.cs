using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Workers;
using Gpt2Cluster.Grains.Workers;
using Gpt2Cluster.Grains.Workers.Windows;
using Microsoft.Extensions.Time.Testing;

namespace Gpt2Cluster.Grains.Tests.Workers;

public sealed class WorkerStepTests
{
    private static readonly ModelShape Shape = new(16, 8, 4, 2, 1);

    private static readonly PlanStep Plan = new("a/0".Worker(), 3, 7, [new(2, 4)], 0.01, [], IsAlone: false);

    [Fact]
    public void A_step_goes_begin_compute_wait_norm_apply()
    {
        using var replica = new FakeReplica(Shape);
        var report = Run(replica, new OptimizerOptions(ClipNorm: 0));

        Assert.Equal(
            [
                "exchange 7 of 3", "begin 7 2..4 of 4", "compute 7.2", "compute 7.3", "wait 7", "norm",
                "apply 7 rate 0.01 scale 1",
            ],
            replica.Calls);
        Assert.Equal([2.5, 3.5], report.Losses);
        Assert.True(report.Applied);
        Assert.Equal(77, report.SentBytes);
        Assert.Equal(77, report.OverlappedBytes);
    }

    [Fact]
    public void The_exchange_is_told_what_all_workers_of_the_silo_compute()
    {
        using var replica = new FakeReplica(Shape) { StandsAt = 6 };
        using var steps = new Interruptible(replica);
        var plan = Plan with { SiloRanges = [new(2, 4), new(0, 1)] };
        steps.Run(plan, reportsExchange: true);
        Assert.Equal("exchange 7 of 3 with 2..4+0..1", replica.Calls[0]);
    }

    [Theory]
    [InlineData(true, true, 4, false)]
    [InlineData(true, true, 3, true)]
    [InlineData(true, false, 4, true)]
    [InlineData(false, true, 4, true)]
    public void A_worker_that_has_the_run_to_itself_and_averages_alone_needs_no_exchange(
        bool isAlone, bool averagesAlone, int end, bool exchanges)
    {
        using var replica = new FakeReplica(Shape) { StandsAt = 6, AveragesAlone = averagesAlone };
        using var steps = new Interruptible(replica);
        steps.Run(
            Plan with { Ranges = [new(0, end)], IsAlone = isAlone },
            reportsExchange: true);
        Assert.Equal(exchanges, replica.Calls.Contains("exchange 7 of 3"));
        Assert.Equal(exchanges, replica.Calls.Contains("wait 7"));
        Assert.Equal(!exchanges, replica.Calls.Contains("average alone"));
    }

    [Fact]
    public void A_silos_sent_bytes_are_reported_by_one_worker_only()
    {
        using var replica = new FakeReplica(Shape) { StandsAt = 6 };
        using var steps = new Interruptible(replica);
        var report = steps.Run(Plan, reportsExchange: false);
        Assert.Equal((0, 0), (report.SentBytes, report.OverlappedBytes));
    }

    [Theory]
    [InlineData(2.0, 1.0, "scale 0.5")]
    [InlineData(0.5, 1.0, "scale 1")]
    [InlineData(2.0, 0.0, "scale 1")]
    public void The_gradient_is_clipped_to_the_norm(double norm, double clipNorm, string expected)
    {
        using var replica = new FakeReplica(Shape) { Norm = norm };
        Run(replica, new OptimizerOptions(ClipNorm: clipNorm));
        Assert.EndsWith(expected, replica.Calls[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(NanPolicy.Stop, "norm", 0)]
    [InlineData(NanPolicy.Skip, "skip 7", 7)]
    public void A_norm_that_is_not_finite_is_never_applied(NanPolicy policy, string lastCall, long step)
    {
        using var replica = new FakeReplica(Shape) { Norm = double.NaN };
        var report = Run(replica, new OptimizerOptions(), policy);
        Assert.False(report.Applied);
        Assert.Equal(lastCall, replica.Calls[^1]);
        Assert.Equal(step, replica.Step);
    }

    [Fact]
    public void Waiting_for_windows_and_averages_is_no_part_of_the_speed()
    {
        var time = new FakeTimeProvider();
        void Pass(double seconds) => time.Advance(TimeSpan.FromSeconds(seconds));
        using var replica = new FakeReplica(Shape) { OnCompute = () => Pass(2), OnApply = () => Pass(3) };
        using var exchange = new FakeExchange(replica.Calls) { OnWait = () => Pass(7) };
        var windows = new DataLoader((step, index) =>
        {
            Pass(0.5);
            return Task.FromResult(new MicroBatch(step, index, new ushort[9], 1, 8));
        });
        var step = new WorkerStep(replica, exchange, windows, microBatchCount: 4, time);
        var report = step.Run(Work(Plan), _ => new StepUpdate(UpdateKind.Apply, 1), CancellationToken.None);
        Assert.Equal(TimeSpan.FromSeconds(4), report.Compute);
        Assert.Equal(TimeSpan.FromSeconds(1), step.DataWait);
        Assert.Equal(TimeSpan.FromSeconds(7), report.ExposedExchange);
        Assert.Equal(TimeSpan.FromSeconds(3), report.Update);
    }

    [Fact]
    public void A_plan_that_begins_with_the_interrupted_ones_ranges_goes_on_between_two_micro_batches()
    {
        using var replica = new FakeReplica(Shape) { StandsAt = 6 };
        using var steps = new Interruptible(replica);
        steps.Interrupt(Plan, afterCount: 1);
        Assert.Equal([new LeafRange(2, 4)], steps.Held);

        steps.Interrupt(Plan with { Generation = 4, Ranges = [new(2, 4), new(0, 1)] }, afterCount: 1);
        var last = Plan with { Generation = 5, Ranges = [new(2, 4), new(0, 1), new(1, 2)] };
        var report = steps.Run(last, reportsExchange: true);
        Assert.Equal(
            [
                "exchange 7 of 3", "begin 7 2..4 of 4", "compute 7.2",
                "exchange 7 of 4", "extend to 2..4+0..1", "compute 7.3",
                "exchange 7 of 5", "extend to 2..4+0..1+1..2", "compute 7.0", "compute 7.1", "wait 7", "norm",
            ],
            replica.Calls.SkipLast(1));
        Assert.Equal([2.5, 3.5, 0.5, 1.5], report.Losses);
        Assert.Equal((2, 0), (report.KeptCount, steps.RecomputedCount));
        Assert.Empty(steps.Held);
    }

    [Theory]
    [InlineData(7, 0, 3, 1)]
    [InlineData(7, 0, 2, 0)]
    [InlineData(8, 2, 4, 0)]
    public void Any_other_plan_begins_anew(long step, int first, int end, int recomputedCount)
    {
        using var replica = new FakeReplica(Shape) { StandsAt = 6 };
        using var steps = new Interruptible(replica);
        steps.Interrupt(Plan, afterCount: 1);
        var plan = Plan with { Generation = 4, Step = step, Ranges = [new(first, end)] };
        var report = steps.Run(plan, reportsExchange: true);
        Assert.Contains($"begin {step} {first}..{end} of 4", replica.Calls);
        Assert.Equal((0, recomputedCount), (report.KeptCount, steps.RecomputedCount));
    }

    [Fact]
    public void A_step_that_failed_half_way_is_not_built_on()
    {
        using var replica = new FakeReplica(Shape) { StandsAt = 6 };
        using var steps = new Interruptible(replica);
        steps.OnCompute = () => throw new InvalidOperationException("broken");
        Assert.Throws<InvalidOperationException>(
            () => steps.Run(Plan, reportsExchange: true));
        Assert.Empty(steps.Held);
        steps.OnCompute = () => { };
        steps.Run(Plan with { Generation = 4 }, reportsExchange: true);
        Assert.Equal(2, replica.Calls.Count(call => call == "begin 7 2..4 of 4"));
    }

    private static StepReported Run(FakeReplica replica, OptimizerOptions optimizer, NanPolicy policy = NanPolicy.Stop)
    {
        var specification = Specifications.Small(Shape) with { Optimizer = optimizer, OnNan = policy };
        var windows = new DataLoader((step, index) =>
            Task.FromResult(new MicroBatch(step, index, new ushort[9], 1, 8)));
        using var exchange = new FakeExchange(replica.Calls);
        var step = new WorkerStep(replica, exchange, windows, specification.MicroBatchCount, TimeProvider.System);
        return step.Run(Work(Plan), norm => StepUpdate.Of(specification, norm), CancellationToken.None);
    }

    private static ComputeStep Work(PlanStep plan) =>
        new(new WorkerOrder(plan), new StepProgress(plan, before: null), ReportsExchange: true);

    private sealed class Interruptible : IDisposable
    {
        private readonly FakeExchange exchange;
        private readonly WorkerStep step;
        private readonly InterruptedStep interrupted = new();

        public Interruptible(FakeReplica replica)
        {
            exchange = new FakeExchange(replica.Calls);
            replica.OnCompute = () => OnCompute();
            var windows = new DataLoader((step, index) =>
                Task.FromResult(new MicroBatch(step, index, new ushort[9], 1, 8)));
            step = new WorkerStep(replica, exchange, windows, microBatchCount: 4, TimeProvider.System);
        }

        public Action OnCompute { get; set; } = () => { };

        public int RecomputedCount { get; private set; }

        public IReadOnlyList<LeafRange> Held => interrupted.HeldAfter(6);

        public StepReported Run(PlanStep plan, bool reportsExchange, CancellationToken cancellation = default)
        {
            var progress = interrupted.Begin(plan);
            RecomputedCount = progress.RecomputedCount;
            var work = new ComputeStep(new WorkerOrder(plan), progress, reportsExchange);
            try
            {
                return step.Run(work, _ => new StepUpdate(UpdateKind.Apply, 1), cancellation);
            }
            catch (OperationCanceledException)
            {
                interrupted.Interrupt();
                throw;
            }
            finally
            {
                interrupted.End();
            }
        }

        public void Interrupt(PlanStep plan, int afterCount)
        {
            using var generationEnd = new CancellationTokenSource();
            OnCompute = () =>
            {
                if (--afterCount == 0)
                    generationEnd.Cancel();
            };
            Assert.Throws<OperationCanceledException>(() => Run(plan, reportsExchange: true, generationEnd.Token));
            OnCompute = () => { };
        }

        public void Dispose() => exchange.Dispose();
    }
}

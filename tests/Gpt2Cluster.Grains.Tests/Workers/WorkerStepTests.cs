using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Workers;
using Microsoft.Extensions.Time.Testing;

namespace Gpt2Cluster.Grains.Tests.Workers;

public sealed class WorkerStepTests
{
    private static readonly ModelShape Shape = new(16, 8, 4, 2, 1);

    private static readonly StepPlan Plan = new()
    {
        Run = "run1",
        Generation = 3,
        Step = 7,
        FirstMicroBatch = 2,
        EndMicroBatch = 4,
        LearningRate = 0.01,
    };

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
        using var replica = new FakeReplica(Shape) { OnCompute = () => Pass(2) };
        using var exchange = new FakeExchange(replica.Calls) { OnWait = () => Pass(7) };
        var windows = new WindowPrefetch((step, index) =>
        {
            Pass(0.5);
            return Task.FromResult(new MicroBatch(step, index, new ushort[9], 1, 8));
        });
        var report = new WorkerStep("a/0", true, Specifications.Small(Shape), replica, exchange, windows, time)
            .Run(Plan, CancellationToken.None);
        Assert.Equal(4, report.ComputeSeconds);
        Assert.Equal(1, report.DataWaitSeconds);
        Assert.Equal(7, report.ExposedExchangeSeconds);
    }

    private static StepReport Run(FakeReplica replica, OptimizerOptions optimizer, NanPolicy policy = NanPolicy.Stop)
    {
        var specification = Specifications.Small(Shape) with { Optimizer = optimizer, OnNan = policy };
        var windows = new WindowPrefetch((step, index) =>
            Task.FromResult(new MicroBatch(step, index, new ushort[9], 1, 8)));
        using var exchange = new FakeExchange(replica.Calls);
        return new WorkerStep("a/0", true, specification, replica, exchange, windows, TimeProvider.System)
            .Run(Plan, CancellationToken.None);
    }
}

using CsCheck;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Specification;

public sealed class LearningRateScheduleTests
{
    /// <summary>Taylor's series and the library's cosine are both good to the last bits of fp64.</summary>
    private const double RelativeTolerance = 1e-14;

    [Fact]
    public void Constant_without_warmup_is_the_peak_from_the_first_step()
    {
        var schedule = new LearningRateSchedule(ScheduleKind.Constant, 1e-3, 0);
        Assert.All(new[] { 1L, 5, 10 }, step => Assert.Equal(1e-3, schedule.At(step, 10)));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(20, 1)]
    [InlineData(21, 2)]
    [InlineData(1000, 50)]
    [InlineData(long.MaxValue, 461168601842738791)]
    public void The_warmup_is_a_twentieth_rounded_up(long steps, long warmup) =>
        Assert.Equal(warmup, LearningRateSchedule.DefaultWarmup(steps));

    [Fact]
    public void The_warmup_rises_to_the_peak_at_its_last_step()
    {
        foreach (var kind in Enum.GetValues<ScheduleKind>())
        {
            var schedule = new LearningRateSchedule(kind, 1.0, 4);
            Assert.Equal([0.25, 0.5, 0.75, 1.0], new[] { 1L, 2, 3, 4 }.Select(step => schedule.At(step, 10)));
        }
    }

    [Fact]
    public void Cosine_ends_at_a_tenth_and_is_halfway_in_the_middle()
    {
        var schedule = new LearningRateSchedule(ScheduleKind.Cosine, 1.0, 2);
        Assert.Equal(0.1, schedule.At(10, 10), RelativeTolerance);
        Assert.Equal(0.55, schedule.At(6, 10), RelativeTolerance);
    }

    [Fact]
    public void Linear_would_reach_zero_one_step_after_the_last()
    {
        var schedule = new LearningRateSchedule(ScheduleKind.Linear, 1.0, 0);
        Assert.Equal([1.0, 0.75, 0.5, 0.25], new[] { 1L, 2, 3, 4 }.Select(step => schedule.At(step, 4)));
    }

    [Fact]
    public void Cosine_agrees_with_the_formula() =>
        Gen.Select(Gen.Long[1, 5000], Gen.Long[0, 100], Gen.Long[0, 5000]).Sample((steps, warmup, offset) =>
        {
            warmup = Math.Min(warmup, steps);
            var step = Math.Min(steps, Math.Max(warmup, 1) + offset);
            var (done, length) = (step - Math.Max(warmup, 1), steps - Math.Max(warmup, 1));
            var expected = length == 0 ? 1 : 0.1 + (0.45 * (1 + Math.Cos(Math.PI * done / length)));
            var actual = new LearningRateSchedule(ScheduleKind.Cosine, 1.0, warmup).At(step, steps);
            Assert.Equal(expected, actual, RelativeTolerance);
        });

    [Fact]
    public void A_single_step_has_the_peak()
    {
        foreach (var kind in Enum.GetValues<ScheduleKind>())
            Assert.Equal(2.0, new LearningRateSchedule(kind, 2.0, 0).At(1, 1));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(20, 1)]
    [InlineData(21, 2)]
    [InlineData(1000, 50)]
    public void The_default_warmup_is_a_twentieth_rounded_up(long steps, long warmup) =>
        Assert.Equal(warmup, LearningRateSchedule.DefaultWarmup(steps));

    [Fact]
    public void Steps_outside_are_refused()
    {
        var schedule = new LearningRateSchedule(ScheduleKind.Cosine, 1.0, 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => schedule.At(0, 10));
        Assert.Throws<ArgumentOutOfRangeException>(() => schedule.At(11, 10));
    }
}

using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Core.Tests.Runs;

public sealed class ScalingAdviceTests
{
    // Two silos, 8 micro-batches of 0.25 s; 30 MB from each silo at 6 MB/s take 5 s, of which 0.25 s pass beside
    // compute.
    private static readonly StepCost SlowLink = new()
    {
        MicroBatchCount = 8,
        Workers = [new("a", 0.25), new("b", 0.25)],
        StepSeconds = 1 + 4.75 + 0.1,
        ExposedSeconds = 4.75,
        ExchangedBytes = 60e6,
        TrainsAll = true,
    };

    [Fact]
    public void One_alone_is_faster_where_the_link_takes_longer_than_it_saves()
    {
        Assert.Equal(6e6, SlowLink.LinkRate, 1.0);
        var faster = ScalingAdvice.Find(SlowLink)!.Value;
        Assert.Equal(1, faster.WorkerCount);
        Assert.Equal(2.1, faster.StepSeconds, 1e-9);
    }

    [Fact]
    public void The_sentence_has_the_figures_and_what_helps() => Assert.Equal(
        "A step takes 5.85 s with 2 workers, of which 4.75 s wait for the link, where each silo sends 30.0 MB at "
            + "6.0 MB/s; "
        + "with one worker alone it would take about 2.10 s. What helps: --workers 1, --train lora:8, "
            + "--micro-batches 32 or "
        + "more, or a faster link.",
        ScalingAdvice.Sentence(SlowLink));

    [Fact]
    public void With_as_many_micro_batches_as_it_says_all_workers_pay_and_with_one_less_they_do_not()
    {
        var count = ScalingAdvice.MicroBatchesThatPay(SlowLink)!.Value;
        Assert.Null(ScalingAdvice.Find(With(count)));
        Assert.NotNull(ScalingAdvice.Find(With(count - 1)));

        static StepCost With(int count) => SlowLink with
        {
            MicroBatchCount = count,
            StepSeconds = 4.85 + ScalingAdvice.ComputeSeconds(SlowLink.Workers, count),
        };
    }

    [Fact]
    public void Nothing_is_said_where_the_link_is_fast_or_there_is_none()
    {
        Assert.Null(ScalingAdvice.Sentence(SlowLink with { StepSeconds = 1.15, ExposedSeconds = 0.05 }));
        Assert.Null(ScalingAdvice.Sentence(SlowLink with { Workers = [new("a", 0.25), new("a", 0.25)] }));
    }

    [Fact]
    public void Adapters_are_not_offered_to_a_run_that_does_not_train_all() => Assert.DoesNotContain(
        "lora", ScalingAdvice.Sentence(SlowLink with { TrainsAll = false })!, StringComparison.Ordinal);

    [Fact]
    public void Of_unequal_workers_the_fast_one_goes_on_alone()
    {
        var cost = SlowLink with { Workers = [new("a", 1), new("b", 0.25)], StepSeconds = 10, ExposedSeconds = 7 };
        Assert.Equal(1.75, cost.ComputeSeconds, 1e-9);
        Assert.Equal(new FasterWith(1, (8 * 0.25) + 1.25), ScalingAdvice.Find(cost));
    }

    [Theory]
    [InlineData(8, 2.0)]
    [InlineData(9, 2.5)]
    public void Micro_batches_are_divided_whole(int count, double seconds) => Assert.Equal(
        seconds, ScalingAdvice.ComputeSeconds([new("a", 0.5), new("b", 0.5)], count), 1e-9);
}

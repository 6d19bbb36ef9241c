using CsCheck;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Runs.Planning;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Runs;

public sealed class ScalingAdviceTests
{
    // A link carries whole bytes in the twin's moments, so the last of them may be part empty.
    private const double OneMoment = 1 + 1e-9;

    // Two silos, 8 micro-batches of 0.25 s, an update of 0.1 s; of 30 MB from each silo at 6 MB/s, 1.5 MB pass beside
    // compute.
    private static readonly StepCost SlowLink = new()
    {
        MicroBatchCount = 8,
        Workers = [new("a".Silo(), 0.25), new("b".Silo(), 0.25)],
        UpdateSeconds = 0.1,
        OtherSeconds = 0.05,
        BytesPerSilo = 30e6,
        OverlappedBytes = 1.5e6,
        LinkRate = 6e6,
        MeasuredSeconds = 5.93,
        TrainsAll = true,
    };

    [Fact]
    public void A_step_is_compute_and_what_is_waited_for_and_the_update()
    {
        var choices = ScalingAdvice.Choices(SlowLink);
        Assert.Equal([1, 2], choices.Select(choice => choice.WorkerCount));
        Assert.Equal((0, 0), (choices[0].ExposedSeconds, choices[0].BytesPerSilo));
        Assert.Equal(2.15, choices[0].StepSeconds, 1e-9);
        Assert.Equal((4.75, 30e6), (choices[1].ExposedSeconds, choices[1].BytesPerSilo));
        Assert.Equal(1 + 4.75 + 0.15, choices[1].StepSeconds, 1e-9);
        Assert.Equal(choices[0], ScalingAdvice.Find(SlowLink));
    }

    [Fact]
    public void Each_of_more_silos_sends_nearer_to_two_gradients()
    {
        WorkerSpeed[] four = [new("a".Silo(), 1), new("b".Silo(), 1), new("c".Silo(), 1), new("d".Silo(), 1)];
        var cost = SlowLink with { Workers = four, BytesPerSilo = 60e6 };
        Assert.Equal(
            [0.0, 40e6, 53.333e6, 60e6],
            ScalingAdvice.Choices(cost).Select(choice => Math.Round(choice.BytesPerSilo / 1e3) * 1e3));
    }

    [Fact]
    public void It_is_the_step_of_a_dumb_twin_on_a_time_line() =>
        (from moments in Gen.Int[1, 40].Array[1, 5]
         from count in Gen.Int[1, 24]
         from rate in Gen.Int[1, 50]
         from bytes in Gen.Int[0, 2000]
         from overlapped in Gen.Int[0, 300]
         from update in Gen.Int[0, 9]
         select new SlowStep
         {
             MicroBatchMoments = moments,
             MicroBatchCount = count,
             BytesPerMoment = rate,
             BytesPerSilo = bytes,
             OverlappedBytes = overlapped,
             UpdateMoments = update,
         }).Sample(twin =>
        {
            var foreseen = ScalingAdvice.Choices(new StepCost
            {
                MicroBatchCount = twin.MicroBatchCount,
                Workers = [.. twin.MicroBatchMoments.Select((each, silo) => new WorkerSpeed($"{silo}".Silo(), each))],
                UpdateSeconds = twin.UpdateMoments,
                BytesPerSilo = twin.BytesPerSilo,
                OverlappedBytes = twin.OverlappedBytes,
                LinkRate = twin.BytesPerMoment,
                TrainsAll = true,
            });
            Assert.InRange(twin.Live() - foreseen[^1].StepSeconds, -1e-6, OneMoment);
            var alone = twin with { MicroBatchMoments = [twin.MicroBatchMoments.Min()] };
            Assert.Equal(alone.Live(), foreseen[0].StepSeconds, 1e-6);
        });

    [Fact]
    public void The_sentence_has_the_figures_and_what_helps() => Assert.Equal(
        "A step takes 5.93 s with 2 workers, of which 4.75 s wait for the link, where each silo sends 30.0 MB at "
        + "6.0 MB/s; with one worker alone it would take about 2.15 s. What helps: --workers 1, --train lora:8, "
        + "--micro-batches 32 or more, or a faster link. --workers can be changed on resuming; --train and "
        + "--micro-batches only in a new run.",
        ScalingAdvice.Sentence(SlowLink));

    [Fact]
    public void Before_a_step_was_measured_the_sentence_says_what_it_would_take() => Assert.StartsWith(
        "A step would take about 5.90 s with 2 workers, of which 4.75 s wait for the link",
        ScalingAdvice.Sentence(SlowLink with { MeasuredSeconds = null }),
        StringComparison.Ordinal);

    [Fact]
    public void Before_there_is_a_run_every_option_can_be_chosen() => Assert.EndsWith(
        "or a faster link.",
        ScalingAdvice.Sentence(SlowLink with { MeasuredSeconds = null }),
        StringComparison.Ordinal);

    [Fact]
    public void With_as_many_micro_batches_as_it_says_all_workers_pay_and_with_one_less_they_do_not()
    {
        var count = ScalingAdvice.MicroBatchesThatPay(SlowLink)!.Value;
        Assert.Null(ScalingAdvice.Find(SlowLink with { MicroBatchCount = count }));
        Assert.NotNull(ScalingAdvice.Find(SlowLink with { MicroBatchCount = count - 1 }));
    }

    [Fact]
    public void Nothing_is_said_where_the_link_is_fast_or_there_is_none()
    {
        Assert.Null(ScalingAdvice.Sentence(SlowLink with { LinkRate = 600e6 }));
        Assert.Null(ScalingAdvice.Sentence(SlowLink with { LinkRate = double.PositiveInfinity }));
        Assert.Null(ScalingAdvice.Sentence(SlowLink with { Workers = [new("a".Silo(), 0.25), new("a".Silo(), 0.25)] }));
    }

    [Fact]
    public void Adapters_are_not_offered_to_a_run_that_does_not_train_all() => Assert.DoesNotContain(
        "lora", ScalingAdvice.Sentence(SlowLink with { TrainsAll = false })!, StringComparison.Ordinal);

    [Fact]
    public void Of_unequal_workers_the_fast_one_goes_on_alone()
    {
        var cost = SlowLink with { Workers = [new("a".Silo(), 1), new("b".Silo(), 0.25)] };
        Assert.Equal(1.75 + 4.75 + 0.15, ScalingAdvice.Choices(cost)[^1].StepSeconds, 1e-9);
        Assert.Equal((8 * 0.25) + 0.15, ScalingAdvice.Find(cost)!.Value.StepSeconds, 1e-9);
    }

    [Fact]
    public void Of_a_probed_step_what_is_known_before_the_embedding_passes_while_the_last_micro_batch_goes_backward()
    {
        var parameters = new ModelParameters(new ModelShape(50257, 32, 16, 2, 2));
        var gradient = 4.0 * parameters.Trained.Length;
        var blocks = gradient - (4.0 * 50257 * 16);
        WorkerSpeed[] two = [new("a".Silo(), 3), new("b".Silo(), 6)];
        var fast = StepCost.Probed(parameters, 8, two, 0.5, linkRate: 1e9);
        Assert.Equal((gradient, blocks), (fast.BytesPerSilo, fast.OverlappedBytes));
        Assert.Equal(2000.0, StepCost.Probed(parameters, 8, two, 0.5, linkRate: 1000).OverlappedBytes, 1e-6);
        Assert.True(fast.TrainsAll);

        var alone = ScalingAdvice.Choices(StepCost.Probed(parameters, 8, [two[0]], 0.5, double.PositiveInfinity));
        Assert.Equal(new ForeseenStep(1, 24.5, 0, 0, 1), Assert.Single(alone));
        var adapters = new ModelParameters(
            parameters.Shape, TrainableParameters.Lora, new TrainingScope(TrainableParameters.Lora, 8).Lora());
        Assert.False(StepCost.Probed(adapters, 8, two, 0.5, 1000).TrainsAll);
    }

    [Fact]
    public void What_a_fast_worker_waits_for_a_slow_one_is_not_waiting_for_the_link()
    {
        var step = MeasuredStep.Of(Seconds(9), [Report(1, 6, 0.5, 100), Report(4, 3.5, 0.25, 60)]);
        Assert.Equal(
            (Seconds(3.5), Seconds(0.5), Seconds(1)), (step.Exposed, step.Update, step.Other));
        Assert.Equal((160, 40), (step.SentBytes, step.OverlappedBytes));

        static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
        static StepReported Report(double compute, double exposed, double update, long bytes) => new(
            "a/0".Worker(),
            1,
            1,
            [],
            GradientNorm: 1,
            Applied: true,
            Compute: Seconds(compute),
            ExposedExchange: Seconds(exposed),
            Update: Seconds(update),
            SentBytes: bytes,
            OverlappedBytes: bytes / 4);
    }

    [Theory]
    [InlineData(8, 2.0)]
    [InlineData(9, 2.5)]
    public void Micro_batches_are_divided_whole(int count, double seconds) => Assert.Equal(
        seconds, ScalingAdvice.ComputeSeconds([new("a".Silo(), 0.5), new("b".Silo(), 0.5)], count), 1e-9);
}

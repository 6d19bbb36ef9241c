using Gpt2Cluster.Client.Watching.Views;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Runs;
using Microsoft.Extensions.Time.Testing;
using RunEvent = Gpt2Cluster.Contracts.Runs.Events.RunEvent;

namespace Gpt2Cluster.Client.Tests.Watching.Views;

public sealed class PlainRunViewTests
{
    private readonly FakeTimeProvider time = new();

    [Fact]
    public void A_run_reads_as_plain_lines()
    {
        var said = Watch(new Said());
        Assert.Equal(
            """
            run run1: scratch:tiny, 7,242,624 parameters; 10,847 tokens in 85 windows; 10 steps of 2,048 tokens
            step 1/10  loss 10.800  lr 2.00e-03  4,096 tokens/s  2 workers  eta 0:05
            step 4/10  loss 10.500  lr 2.00e-03  4,096 tokens/s  2 workers  eta 0:03
            step 5/10  loss 10.400  lr 2.00e-03  4,096 tokens/s  2 workers  eta 0:03
            step 5/10  validation loss 9.500  perplexity 13359.73
            ======== SAMPLE 1 ======== (step 5)
            The sea,
            the sea.
            ========
            step 5/10  checkpoint 0123456789ab  /data/runs/run1/5 (0.25 s)
            step 5/10  generation 2, 1 worker: silo2 died
            warning: it is late
            step 10/10  loss 9.900  lr 2.00e-03  4,096 tokens/s  2 workers  eta 0:00
            completed after step 10/10: 20,480 tokens in 1:05, state 0123456789ab

            """,
            said.Results);
        Assert.Equal("", said.Remarks);
    }

    [Fact]
    public void Quiet_leaves_warnings_and_the_end()
    {
        var lines = Watch(new Said(isQuiet: true)).Results.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(
            ["warning: it is late", "completed after step 10/10: 20,480 tokens in 1:05, state 0123456789ab"], lines);
    }

    [Fact]
    public void Quick_steps_are_shown_about_once_a_second()
    {
        var said = new Said();
        var view = new PlainRunView(said.Output, 10_000, time);
        for (var step = 1; step <= 1000; step++)
        {
            Show(view, Step(step));
            time.Advance(TimeSpan.FromMilliseconds(10));
        }

        Assert.InRange(said.Results.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length, 9, 11);
    }

    private Said Watch(Said said)
    {
        var view = new PlainRunView(said.Output, 0, time);
        Show(view, new SubmittedEvent
        {
            Run = "run1".Run(),
            Model = "scratch:tiny",
            Parameters = 7_242_624,
            DatasetSha256 = "x",
            Tokens = 10_847,
            Windows = 85,
            Steps = 10,
            TokensPerStep = 2048,
        });
        for (var step = 1; step <= 5; step++)
        {
            Show(view, Step(step));
            time.Advance(TimeSpan.FromSeconds(0.4));
        }

        Show(view, new ValidationEvent { Run = "run1".Run(), Step = 5, Loss = 9.5, Perplexity = Math.Exp(9.5) });
        Show(view, new SampleEvent { Run = "run1".Run(), Step = 5, Index = 1, Text = "The sea,\nthe sea.\n" });
        Show(view, new CheckpointEvent
        {
            Run = "run1".Run(),
            Step = 5,
            StateSha256 = "0123456789abcdef",
            Path = "/data/runs/run1/5",
            Seconds = 0.25,
        });
        Show(view, new MembershipEvent
        {
            Run = "run1".Run(),
            Step = 5,
            Generation = 2,
            Workers = 1,
            Reason = "silo2 died"
        });
        Show(view, new WarningEvent { Run = "run1".Run(), Message = "it is late" });
        Show(view, Step(10));
        Show(view, new EndEvent
        {
            Run = "run1".Run(),
            Status = RunStatus.Completed,
            Step = 10,
            StateSha256 = "0123456789abcdef",
            Seconds = 65,
            Tokens = 20_480,
        });
        return said;
    }

    private static StepEvent Step(int step) => new()
    {
        Run = "run1".Run(),
        Step = step,
        Loss = 10.9 - (step * 0.1),
        GradientNorm = 1,
        LearningRate = 2e-3,
        Seconds = 0.5,
        TokensPerSecond = 4096,
        Workers = 2,
        Generation = 1,
        ExchangedBytes = 1,
        ExposedExchangeSeconds = 0,
    };

    private static void Show(PlainRunView view, RunEvent runEvent) => view.Show(RunEventJson.Write(runEvent), runEvent);
}

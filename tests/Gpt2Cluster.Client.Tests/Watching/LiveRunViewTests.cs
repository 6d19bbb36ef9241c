using Gpt2Cluster.Client.Watching;
using Gpt2Cluster.Contracts.Runs.Events;
using Spectre.Console;

namespace Gpt2Cluster.Client.Tests.Watching;

public sealed class LiveRunViewTests
{
    [Fact]
    public void The_picture_shows_progress_loss_and_the_last_sample_whatever_it_holds()
    {
        var changes = 0;
        var view = new LiveRunView("run1", 10);
        view.Changed += () => changes++;
        view.Show("", new StepEvent
        {
            Run = "run1",
            Step = 5,
            Loss = 10.4,
            GradientNorm = 1,
            LearningRate = 2e-3,
            Seconds = 0.5,
            TokensPerSecond = 4096,
            Workers = 2,
            Generation = 1,
            ExchangedBytes = 1,
            ExposedExchangeSeconds = 0,
        });
        view.Show("", new SampleEvent { Run = "run1", Step = 5, Index = 1, Text = "[red]no markup[/] [" });
        view.Note("[paused");
        var picture = Draw(view);
        Assert.Equal(3, changes);
        Assert.Contains("step 5/10  eta 0:03", picture, StringComparison.Ordinal);
        Assert.Contains("10.400", picture, StringComparison.Ordinal);
        Assert.Contains("4,096 tokens/s", picture, StringComparison.Ordinal);
        Assert.Contains("[red]no markup[/] [", picture, StringComparison.Ordinal);
        Assert.Contains("[paused", picture, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_sample_does_not_outgrow_the_screen()
    {
        var view = new LiveRunView("run1", 10);
        var text = string.Join('\n', Enumerable.Range(0, 500));
        view.Show("", new SampleEvent { Run = "run1", Step = 5, Index = 1, Text = text });
        Assert.InRange(Draw(view).Split('\n').Length, 10, 24);
    }

    private static string Draw(LiveRunView view)
    {
        var output = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Out = new AnsiConsoleOutput(output),
        });
        console.Profile.Width = 100;
        console.Write(view.Picture());
        return output.ToString();
    }
}

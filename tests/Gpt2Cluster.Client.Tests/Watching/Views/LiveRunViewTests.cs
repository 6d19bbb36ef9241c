using Gpt2Cluster.Client.Watching.Views;
using Gpt2Cluster.Contracts.Runs.Events;
using Spectre.Console;

namespace Gpt2Cluster.Client.Tests.Watching.Views;

public sealed class LiveRunViewTests
{
    [Fact]
    public void The_picture_shows_progress_loss_and_the_last_sample_whatever_it_holds()
    {
        var changes = 0;
        var view = new LiveRunView("run1".Run(), 10);
        view.Changed += () => changes++;
        view.Show("", Step(5, 10.4));
        view.Show("", new SampleEvent { Run = "run1".Run(), Step = 5, Index = 1, Text = "[red]no markup[/] [" });
        view.Note("[paused");
        var picture = Draw(view);
        Assert.Equal(3, changes);
        Assert.Contains("step 5/10  eta 0:03", picture, StringComparison.Ordinal);
        Assert.Contains("10.400", picture, StringComparison.Ordinal);
        Assert.Contains("2,048 tokens/s", picture, StringComparison.Ordinal);
        Assert.Contains("[red]no markup[/] [", picture, StringComparison.Ordinal);
        Assert.Contains("[paused", picture, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_sample_does_not_outgrow_the_screen()
    {
        var view = new LiveRunView("run1".Run(), 10);
        var text = string.Join('\n', Enumerable.Range(0, 500));
        view.Show("", new SampleEvent { Run = "run1".Run(), Step = 5, Index = 1, Text = text });
        Assert.InRange(Draw(view).Split('\n').Length, 10, 24);
    }

    /// <summary>A real run at its fullest, on terminals down to the smallest that people use.</summary>
    [Theory]
    [InlineData(120, 40)]
    [InlineData(80, 24)]
    [InlineData(60, 16)]
    [InlineData(40, 12)]
    public void The_picture_fits_the_terminal(int width, int height)
    {
        var view = new LiveRunView("run1".Run(), 200);
        view.Show("", new SubmittedEvent
        {
            Run = "run1".Run(),
            Model = "scratch:tiny",
            Parameters = 7_242_752,
            DatasetSha256 = new string('0', 64),
            Tokens = 10_847,
            Windows = 81,
            Steps = 200,
            TokensPerStep = 1024,
        });
        for (var step = 1; step <= 150; step++)
            view.Show("", Step(step, 10.8 - (0.04 * step)));
        view.Show("", new ValidationEvent { Run = "run1".Run(), Step = 150, Loss = 5.9, Perplexity = 365 });
        foreach (var step in new[] { 50, 100, 150, 200 })
        {
            view.Show("", new CheckpointEvent
            {
                Run = "run1".Run(),
                Step = step,
                StateSha256 = new string('a', 64),
                Path = "/home/somebody/.local/share/gpt2cluster/runs/run1/checkpoints/00000100",
                Seconds = 0.2,
            });
        }

        var text = string.Concat(Enumerable.Repeat("The lamp is lit, and the keeper counts the ships. ", 40));
        view.Show("", new SampleEvent { Run = "run1".Run(), Step = 150, Index = 1, Text = "\u001b[2J" + text });
        var lines = Draw(view, width, height).TrimEnd('\n').Split('\n');
        Assert.All(lines, line => Assert.InRange(line.GetCellWidth(), 0, width));
        Assert.InRange(lines.Length, 1, height - 1);
        var picture = string.Join('\n', lines);
        Assert.DoesNotContain("\u001b", picture, StringComparison.Ordinal);
        foreach (var part in new[] { "step 150/200", "eta 0:25", "4.800", "tokens/s", "workers", "▁" })
            Assert.Contains(part, picture, StringComparison.Ordinal);
        if (height >= 24)
            Assert.Contains("The lamp is lit", picture, StringComparison.Ordinal);
    }

    private static StepEvent Step(long step, double loss) => new()
    {
        Run = "run1".Run(),
        Step = step,
        Loss = loss,
        GradientNorm = 1,
        LearningRate = 2e-3,
        Seconds = 0.5,
        TokensPerSecond = 2048,
        Workers = 2,
        Generation = 1,
        ExchangedBytes = 1,
        ExposedExchangeSeconds = 0,
    };

    private static string Draw(LiveRunView view, int width = 100, int height = 30)
    {
        var output = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Out = new AnsiConsoleOutput(output),
        });
        console.Profile.Width = width;
        console.Profile.Height = height;
        console.Write(view.Picture(width, height));
        return output.ToString();
    }
}

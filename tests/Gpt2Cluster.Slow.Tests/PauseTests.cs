using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>A run that rests and goes on ends in the bits of the undisturbed one.</summary>
public sealed class PauseTests
{
    private const int Steps = 6;

    /// <summary>So many that a run is not through with them before it is told to stop.</summary>
    private const int LongerSteps = 60;

    [Fact]
    public void Ctrl_C_pauses_and_the_same_command_goes_on_to_the_same_bits()
    {
        using var folder = new TestFolder();
        using var other = new TestFolder();
        using var undisturbed = ClientProcess.Start(other, Training.Small(Steps, "--micro-batches", "3"));
        var expected = Training.HashOf(undisturbed);

        string[] command = Training.Small(Steps, "--micro-batches", "3", "--silos", "2");
        using (var first = ClientProcess.Start(folder, command))
        {
            first.WaitFor("step", step => step.GetProperty("step").GetInt64() >= 2);
            first.SendInterrupt();
            Assert.True(first.WaitForExit() == 130, first.Said);
            Assert.Equal("paused", first.Events("end")[0].GetProperty("status").GetString());
            folder.AssertNobodyIsLeft();
            AssertShows(folder, first.Events("step")[^1].GetProperty("loss").GetDouble());
        }

        using var second = ClientProcess.Start(folder, command);
        Assert.Equal(expected, Training.HashOf(second));
        Assert.NotEqual(1, second.Events("step")[0].GetProperty("step").GetInt64());
        folder.AssertNobodyIsLeft();
    }

    [Fact]
    public void Stop_pauses_its_runs_and_the_same_command_goes_on_to_the_same_bits()
    {
        using var folder = new TestFolder();
        using var other = new TestFolder();
        using var undisturbed = ClientProcess.Start(other, Training.Small(LongerSteps, "--micro-batches", "2"));
        var expected = Training.HashOf(undisturbed);

        var command = Training.Small(LongerSteps, "--micro-batches", "2");
        using (var submit = ClientProcess.Run(folder, ["submit", .. command[1..]]))
            Assert.True(submit.WaitForExit() == 0, submit.Said);
        using (var watch = ClientProcess.Start(folder, "watch", "run1", "--json"))
            watch.WaitFor("step", step => step.GetProperty("step").GetInt64() >= 2);
        using (var stop = ClientProcess.Run(folder, "stop"))
            Assert.True(stop.WaitForExit() == 0, stop.Said);
        folder.AssertNobodyIsLeft();

        using var again = ClientProcess.Start(folder, command);
        Assert.Equal(expected, Training.HashOf(again));
        Assert.NotEqual(1, again.Events("step")[0].GetProperty("step").GetInt64());
        folder.AssertNobodyIsLeft();
    }

    private static void AssertShows(TestFolder folder, double loss)
    {
        using var show = ClientProcess.Run(folder, ["show", "run1", "--json"]);
        Assert.True(show.WaitForExit() == 0, show.Said);
        using var shown = JsonDocument.Parse(show.Output);
        Assert.Equal(loss, shown.RootElement.GetProperty("loss").GetDouble());
    }
}

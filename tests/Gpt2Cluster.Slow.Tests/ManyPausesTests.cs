using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>A run that rests again and again ends in the bits of the undisturbed one.</summary>
public sealed class ManyPausesTests
{
    private const int Steps = 6;

    [Fact]
    public void A_pause_at_every_second_step_changes_nothing()
    {
        using var folder = new TestFolder();
        using var other = new TestFolder();
        using var undisturbed = ClientProcess.Start(other, Training.Small(Steps, "--micro-batches", "2"));
        var expected = Training.HashOf(undisturbed);

        foreach (var step in new[] { 2, 4 })
        {
            using var part = ClientProcess.Start(
                folder, Training.Small(Steps, "--micro-batches", "2", "--pause-at", $"{step}"));
            Training.HashOf(part, "paused");
        }

        using var last = ClientProcess.Start(folder, Training.Small(Steps, "--micro-batches", "2"));
        Assert.Equal(expected, Training.HashOf(last));
    }
}

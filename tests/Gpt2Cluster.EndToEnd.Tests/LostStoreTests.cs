using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests;

/// <summary>The store's files are gone; the checkpoints are not.</summary>
public sealed class LostStoreTests
{
    [Fact]
    public void The_same_command_goes_on_from_the_checkpoint_on_disk_to_the_same_bits()
    {
        using var other = new TestFolder();
        using var undisturbed = ClientProcess.Start(other, Training.Small(6));
        var expected = Training.HashOf(undisturbed);

        using var folder = new TestFolder();
        using var first = ClientProcess.Start(folder, Training.Small(6, "--pause-at", "4"));
        Training.HashOf(first, "paused");
        folder.AssertNobodyIsLeft();
        Directory.Delete(Path.Combine(folder.Path, "store"), recursive: true);

        using var second = ClientProcess.Start(folder, Training.Small(6));
        Assert.Equal(expected, Training.HashOf(second));
        Assert.Equal([5L, 6L], second.Events("step").Select(step => step.GetProperty("step").GetInt64()));
    }
}

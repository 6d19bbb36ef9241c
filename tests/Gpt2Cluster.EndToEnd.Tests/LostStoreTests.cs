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

    [Fact]
    public void Whoever_watches_hears_that_the_store_has_lost_the_run()
    {
        using var folder = new TestFolder();
        using var silo = SiloProcess.Start(folder, "a", "embedded:0");
        using var train = ClientProcess.Start(folder, Training.Small(100_000, "--cluster", silo.Gateway));
        train.WaitFor("step", step => step.GetProperty("step").GetInt64() >= 2);
        silo.Kill();
        Directory.Delete(Path.Combine(folder.Path, "a", "store"), recursive: true);

        using var again = silo.StartAgain(folder, $"embedded:{silo.Store.Split(':')[^1]}");
        Assert.Equal(4, train.WaitForExit());
        Assert.Contains("There is no run 'run1' any more", train.Output, StringComparison.Ordinal);
    }
}

using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests.Faults;

/// <summary>Silos with a disk each, and the store elsewhere: the machine that wrote a checkpoint is lost.</summary>
public sealed class CopiedCheckpointTests
{
    private const int Steps = 40;
    private const int SaveEvery = 5;

    [Fact]
    public void The_run_goes_on_from_the_copy_when_the_machine_that_wrote_it_is_lost()
    {
        using var calm = new TestFolder();
        using var undisturbed = ClientProcess.Start(calm, Command());
        var expected = Training.HashOf(undisturbed);

        using var folder = new TestFolder();
        using var store = SiloProcess.Start(folder, "store", "embedded:0", "--cluster-id", "store");
        var (writer, other) = Burn(folder, store.Store);
        Directory.Delete(Path.Combine(folder.Path, writer), recursive: true);

        using var left = SiloProcess.Start(folder, other, store.Store);
        using var fresh = SiloProcess.Start(folder, "fresh", store.Store);
        using var watch = ClientProcess.Start(
            folder, ["watch", "run1", "--json", "--cluster", $"{left.Gateway},{fresh.Gateway}"]);
        Assert.Equal(expected, Training.HashOf(watch));
        var warnings = string.Join('\n', watch.Events("warning"));
        Assert.DoesNotContain("damaged", warnings, StringComparison.Ordinal);
        Assert.DoesNotContain("goes on from step 0", warnings, StringComparison.Ordinal);
        // A run that is done has waited for the copy of its result.
        foreach (var silo in new[] { other, "fresh" })
            Assert.True(Directory.Exists(CheckpointOf(folder, silo, Steps)), $"{silo} lacks the last checkpoint");
    }

    /// <summary>Trains on two silos until a checkpoint lies on both disks, and kills both.</summary>
    /// <returns>The silo that has written it, and the other.</returns>
    private static (string Writer, string Other) Burn(TestFolder folder, string store)
    {
        using var a = SiloProcess.Start(folder, "a", store);
        using var b = SiloProcess.Start(folder, "b", store);
        using var train = ClientProcess.StartUntilConnected(
            folder, Command("--workers", "1..2", "--cluster", $"{a.Gateway},{b.Gateway}"));
        var path = train.WaitFor("checkpoint", _ => true).GetProperty("path").GetString()!;
        var (writer, other) = path.Contains("/a/runs/", StringComparison.Ordinal) ? ("a", "b") : ("b", "a");
        folder.WaitUntil(() => Directory.Exists(CheckpointOf(folder, other, SaveEvery)), "the copy");
        a.Kill();
        b.Kill();
        Assert.Empty(train.Events("end"));
        return (writer, other);
    }

    private static string CheckpointOf(TestFolder folder, string silo, int step) =>
        Path.Combine(folder.Path, silo, "runs", "run1", "checkpoints", $"{step:D8}");

    private static string[] Command(params string[] more)
    {
        var command = Training.Small(Steps, ["--micro-batches", "4", .. more]);
        command[Array.IndexOf(command, "--save-every") + 1] = $"{SaveEvery}";
        return command;
    }
}

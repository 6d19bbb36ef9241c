using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests.Faults;

/// <summary>Two silos with a disk each, and the store elsewhere: both lose power and come back one by one.</summary>
public sealed class MissingCheckpointTests
{
    private const int Steps = 60;

    [Fact]
    public void A_silo_that_comes_back_without_the_checkpoint_waits_for_the_one_that_has_it()
    {
        using var other = new TestFolder();
        using var undisturbed = ClientProcess.Start(other, Command());
        var expected = Training.HashOf(undisturbed);

        using var folder = new TestFolder();
        using var store = SiloProcess.Start(folder, "store", "embedded:0", "--cluster-id", "store");
        var (holder, second) = CutThePower(folder, store.Store) ? ("a", "b") : ("b", "a");

        // The other one had copied it, perhaps, and its disk is lost with it.
        Directory.Delete(Path.Combine(folder.Path, second), recursive: true);
        using var back = SiloProcess.Start(folder, second, store.Store);
        using var watch = ClientProcess.Start(folder, ["watch", "run1", "--json", "--cluster", back.Gateway]);
        watch.WaitFor("warning", warning => warning.GetProperty("message").GetString()!
            .Contains($"it waits for silo {holder}", StringComparison.Ordinal));

        using var found = SiloProcess.Start(folder, holder, store.Store);
        Assert.Equal(expected, Training.HashOf(watch));
        var warnings = string.Join('\n', watch.Events("warning"));
        Assert.DoesNotContain("damaged", warnings, StringComparison.Ordinal);
        Assert.DoesNotContain("goes on from step 0", warnings, StringComparison.Ordinal);
    }

    private static string[] Command(params string[] more)
    {
        var command = Training.Small(Steps, ["--micro-batches", "2", .. more]);
        command[Array.IndexOf(command, "--save-every") + 1] = "5";
        return command;
    }

    /// <summary>Trains on both silos until there is a checkpoint, and kills them.</summary>
    /// <returns>Whether silo a has written it.</returns>
    private static bool CutThePower(TestFolder folder, string store)
    {
        using var a = SiloProcess.Start(folder, "a", store);
        using var b = SiloProcess.Start(folder, "b", store);
        string[] cluster = ["--cluster", $"{a.Gateway},{b.Gateway}"];
        using var train = ClientProcess.Start(folder, Command(cluster));
        var checkpoint = train.WaitFor("checkpoint", _ => true);
        a.Kill();
        b.Kill();
        Assert.Empty(train.Events("end"));
        return checkpoint.GetProperty("path").GetString()!.Contains("/a/runs/", StringComparison.Ordinal);
    }
}

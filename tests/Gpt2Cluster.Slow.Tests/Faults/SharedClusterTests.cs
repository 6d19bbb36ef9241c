using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests.Faults;

/// <summary>Two runs share a cluster: workers move from one to the other at step boundaries.</summary>
public sealed class SharedClusterTests
{
    private const int OldSteps = 60;
    private const int NewSteps = 5;

    [Fact]
    public void A_run_that_waits_gets_a_worker_of_one_that_has_more_than_it_needs_and_gives_it_back()
    {
        using var folder = new TestFolder();
        using var first = SiloProcess.Start(folder, "a", "embedded:0");
        var oldHash = HashAlone(folder, first, Old("old-alone"));
        var newHash = HashAlone(folder, first, New("new-alone"));

        using var second = SiloProcess.Start(folder, "b", first.Store);
        using var third = SiloProcess.Start(folder, "c", first.Store);
        string[] cluster = ["--cluster", $"{first.Gateway},{second.Gateway}"];
        using var old = ClientProcess.StartUntilConnected(folder, Old("old", cluster));
        old.WaitFor("step", step => step.GetProperty("workers").GetInt32() == 3);
        using var later = ClientProcess.StartUntilConnected(folder, New("new", ["--workers", "1..1", .. cluster]));

        Assert.Equal(newHash, Training.HashOf(later));
        Assert.Empty(old.Events("end"));
        Assert.Equal(oldHash, Training.HashOf(old));
        var reasons = old.Events("membership").Select(change => change.GetProperty("reason").GetString()).ToList();
        Assert.Contains("worker c/0 left in good order (run new gets it)", reasons);
        Assert.Contains(
            "worker c/0 joined", reasons.SkipWhile(reason => !reason!.Contains("left", StringComparison.Ordinal)));
        Assert.Equal(3, old.Events("step")[^1].GetProperty("workers").GetInt32());
    }

    private static string HashAlone(TestFolder folder, SiloProcess silo, string[] command)
    {
        using var alone = ClientProcess.Start(folder, [.. command, "--cluster", silo.Gateway]);
        return Training.HashOf(alone);
    }

    private static string[] Old(string name, params string[] more) =>
        Training.Small(OldSteps, ["--run", name, "--micro-batches", "4", .. more]);

    private static string[] New(string name, params string[] more) =>
        Training.Small(NewSteps, ["--run", name, "--seed", "7", "--micro-batches", "3", .. more]);
}

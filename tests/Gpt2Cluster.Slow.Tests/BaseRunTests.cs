using System.Globalization;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>What is made of a run's checkpoints: text, and other runs.</summary>
public sealed class BaseRunTests
{
    [Fact]
    public void A_run_starts_from_anothers_checkpoint_and_one_that_is_not_there_ends_with_4()
    {
        using var folder = new TestFolder();
        using var train = ClientProcess.Start(folder, Training.Small(2, "--run", "base"));
        var hash = Training.HashOf(train);

        using var text = ClientProcess.Run(folder, "generate", "--run", "base", "--length", "4");
        Assert.True(text.WaitForExit() == 0, text.Said);
        using var missing = ClientProcess.Run(folder, "generate", "--run", "base", "--checkpoint", "999");
        Assert.True(missing.WaitForExit() == 4, missing.Said);
        Assert.Contains("has no checkpoint of step 999", missing.Errors, StringComparison.Ordinal);
        using var nobody = ClientProcess.Run(folder, "generate", "--run", "nobody");
        Assert.True(nobody.WaitForExit() == 4, nobody.Said);

        using var second = ClientProcess.Start(folder, FromBase("second"));
        Assert.NotEqual(hash, Training.HashOf(second));

        Directory.Delete(Path.Combine(folder.Path, "runs", "base", "checkpoints"), recursive: true);
        using var gone = ClientProcess.Run(folder, FromBase("third"));
        Assert.True(gone.WaitForExit() == 1, gone.Said);
        Assert.Contains("The checkpoint of step 2 of the run base cannot be had", gone.Said, StringComparison.Ordinal);
    }

    /// <summary>
    /// Each command has a cluster of its own, so that every run has another coordinator each time. The oracle is a run
    /// of the same options that ended while the base had no other checkpoint.
    /// </summary>
    [Fact]
    public void A_checkpoint_that_paused_adapters_stand_on_outlives_its_run_and_so_does_a_chain_of_them()
    {
        using var folder = new TestFolder();
        var poems = Saving(4, Training.Adapters(16, "--run", "poems", "--keep", "1"));
        var second = Saving(2, From("poems", Training.Adapters(8, "--keep", "1")));
        var third = From("poems2", Training.Adapters(4));
        string Hash(string[] command, string status, params string[] more)
        {
            using var client = ClientProcess.Start(folder, [.. command, .. more]);
            return Training.HashOf(client, status);
        }

        Hash(poems, "paused", "--pause-at", "4");
        var expected = Hash(second, "completed", "--run", "undisturbed");
        Hash(second, "paused", "--run", "poems2", "--pause-at", "4");
        var expectedThird = Hash(third, "completed", "--run", "undisturbed3");
        Hash(third, "paused", "--run", "poems3", "--pause-at", "2");

        Hash(poems, "completed");
        Assert.Equal([4, 16], StepsOf(folder.Path, "poems"));
        Assert.Equal(expected, Hash(second, "completed", "--run", "poems2"));
        Assert.Equal([4, 8], StepsOf(folder.Path, "poems2"));
        Assert.Equal(expectedThird, Hash(third, "completed", "--run", "poems3"));
        using var shown = ClientProcess.Run(folder, "show", "poems", "--json");
        Assert.True(shown.WaitForExit() == 0, shown.Said);
        Assert.Contains("\"base_of\":[\"poems2\",\"undisturbed\"]", shown.Output, StringComparison.Ordinal);
    }

    /// <summary>
    /// The base run computes on one silo, the other run on both; what is held is copied and stays on either disk, and
    /// the base's coordinator is another one when its run goes on.
    /// </summary>
    [Fact]
    public void Every_silo_keeps_what_is_held_and_so_does_the_next_coordinator()
    {
        using var folder = new TestFolder();
        using var first = SiloProcess.Start(folder, "a", "embedded:0");
        using var second = SiloProcess.Start(folder, "b", first.Store);
        string Hash(string status, string[] command, params string[] more)
        {
            using var client = ClientProcess.Start(folder, [.. command, "--cluster", first.Gateway, .. more]);
            return Training.HashOf(client, status);
        }

        var poems = Saving(4, Training.Adapters(12, "--run", "poems", "--keep", "1", "--workers", "1"));
        var other = From("poems", Training.Adapters(4, "--run", "poems2"));
        Hash("paused", poems, "--pause-at", "4");
        Hash("paused", other, "--workers", "2", "--pause-at", "2");
        using var third = second.KillAndStartAgain(folder);
        Hash("completed", poems);
        foreach (var silo in new[] { "a", "b" })
        {
            var data = Path.Combine(folder.Path, silo);
            folder.WaitUntil(() => StepsOf(data, "poems").SequenceEqual([4, 12]), $"steps 4 and 12 of poems on {silo}");
        }

        Hash("completed", other, "--workers", "2");
    }

    private static string[] FromBase(string run) => From("base", Training.Small(2, "--run", run));

    private static string[] From(string run, string[] command)
    {
        command[Array.IndexOf(command, "--model") + 1] = $"run:{run}";
        return command;
    }

    private static string[] Saving(int every, string[] command)
    {
        command[Array.IndexOf(command, "--save-every") + 1] = $"{every}";
        return command;
    }

    private static IEnumerable<int> StepsOf(string data, string run) => Directory
        .EnumerateDirectories(Path.Combine(data, "runs", run, "checkpoints"))
        .Select(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture))
        .Order();
}

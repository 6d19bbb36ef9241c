using System.Diagnostics;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>Runs that train adapters: the same promise, and what is made of them.</summary>
public sealed class AdapterRunTests
{
    private const int Steps = 12;

    /// <summary>So many that a silo can be killed and come back before the last.</summary>
    private const int LongerSteps = 40;

    [Theory]
    [InlineData("fp32")]
    [InlineData("bf16")]
    public void One_two_and_three_silos_and_a_pause_end_in_the_same_bits(string precision)
    {
        var hashes = new List<string>();
        foreach (var silos in new[] { 1, 2, 3 })
        {
            using var folder = new TestFolder();
            string[] command = Training.Adapters(Steps, "--precision", precision, "--silos", $"{silos}");
            if (silos == 2)
            {
                using var first = ClientProcess.Start(folder, [.. command, "--pause-at", "5"]);
                Training.HashOf(first, "paused");
            }

            using var client = ClientProcess.Start(folder, command);
            hashes.Add(Training.HashOf(client));
            folder.AssertNobodyIsLeft();
        }

        Assert.Single(hashes.Distinct());
    }

    [Theory]
    [InlineData("fp32")]
    [InlineData("bf16")]
    public void A_silo_that_is_killed_and_joins_again_changes_nothing(string precision)
    {
        using var folder = new TestFolder();
        using var other = new TestFolder();
        string[] command = Training.Adapters(LongerSteps, "--precision", precision);
        using var undisturbed = ClientProcess.Start(other, [.. command, "--silos", "1"]);
        var expected = Training.HashOf(undisturbed);

        using var client = ClientProcess.Start(folder, [.. command, "--silos", "2"]);
        client.WaitFor("step", step => step.GetProperty("step").GetInt64() >= 3);
        var killed = folder.ClusterRecord()!.Value.GetProperty("silos")[1].GetProperty("process");
        Process.GetProcessById(killed.GetProperty("process_id").GetInt32()).Kill();
        Assert.Equal(expected, Training.HashOf(client));
        Assert.True(client.Events("membership").Count >= 2, client.Said);
        folder.AssertNobodyIsLeft();
    }

    [Fact]
    public void The_checkpoint_is_small_and_its_merged_weights_write_and_go_on()
    {
        using var folder = new TestFolder();
        using var full = ClientProcess.Start(folder, Training.Small(2, "--run", "full"));
        Training.HashOf(full);
        // Adapters on a run's weights: the base is brought from that run's checkpoint.
        using var adapters = ClientProcess.Start(
            folder, From("full", Training.Adapters(4, "--run", "adapters", "--pause-at", "2")));
        Training.HashOf(adapters, "paused");
        using var again = ClientProcess.Start(folder, From("full", Training.Adapters(4, "--run", "adapters")));
        Training.HashOf(again);
        // 0.4 % of the parameters of scratch:tiny.
        Assert.InRange(BytesOf(folder, "adapters", 4), 1, BytesOf(folder, "full", 2) / 50);

        using var text = ClientProcess.Run(
            folder, "generate", "--run", "adapters", "--length", "6", "--temperature", "0");
        Assert.True(text.WaitForExit() == 0, text.Said);
        using var merged = ClientProcess.Start(folder, From("adapters", Training.Small(2, "--run", "merged")));
        Training.HashOf(merged);
        using var evaluated = ClientProcess.Run(folder, "eval", "--model", "run:adapters", Repository.Verses);
        Assert.True(evaluated.WaitForExit() == 0, evaluated.Said);
    }

    private static string[] From(string run, string[] command)
    {
        command[Array.IndexOf(command, "--model") + 1] = $"run:{run}";
        return command;
    }

    private static long BytesOf(TestFolder folder, string run, int step) => new DirectoryInfo(
        Path.Combine(folder.Path, "runs", run, "checkpoints", $"{step:D8}")).EnumerateFiles().Sum(file => file.Length);
}

using System.Diagnostics;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests.Faults;

/// <summary>What clients see of silos that die under them, and of clusters that end.</summary>
public sealed class OutageTests
{
    private const int Steps = 60;

    [Fact]
    public void A_train_outlives_the_silo_with_the_store_and_shows_each_step_once()
    {
        using var folder = new TestFolder();
        using var client = ClientProcess.Start(
            folder, Training.Small(Steps, "--silos", "2", "--micro-batches", "2"));
        client.WaitFor("step", step => step.GetProperty("step").GetInt64() == 10);
        Kill(folder, silo: 0);

        Training.HashOf(client);
        var steps = client.Events("step").Select(step => step.GetProperty("step").GetInt64()).ToList();
        Assert.Equal(steps.Distinct().Order(), steps);
        Assert.Equal(Steps, steps[^1]);
        folder.AssertNobodyIsLeft();
    }

    [Fact]
    public void Work_that_was_lost_with_its_silo_is_said_to_be_lost()
    {
        using var folder = new TestFolder();
        using var client = ClientProcess.Start(
            folder, "bench", "step", "--model", "scratch:tiny", "--steps", "1000000", "--batch-size", "1",
            "--sequence-length", "8", "--verbose", "--json");
        folder.WaitUntil(
            () => client.Errors.Contains("silo1/0 is at work", StringComparison.Ordinal), "the work to begin");
        Kill(folder, silo: 0);
        Assert.True(client.WaitForExit() == 1, client.Said);
        Assert.Contains("the work is lost", client.Output, StringComparison.Ordinal);
        folder.AssertNobodyIsLeft();
    }

    private static void Kill(TestFolder folder, int silo)
    {
        var process = folder.ClusterRecord()!.Value.GetProperty("silos")[silo].GetProperty("process");
        Process.GetProcessById(process.GetProperty("process_id").GetInt32()).Kill();
    }
}

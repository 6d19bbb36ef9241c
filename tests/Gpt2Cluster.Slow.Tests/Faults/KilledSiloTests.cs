using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests.Faults;

/// <summary>A silo that dies in the middle of a step takes nothing with it.</summary>
public sealed class KilledSiloTests
{
    private const int Steps = 40;

    /// <summary>Many to a step, so that a step is under way nearly always.</summary>
    private const string MicroBatches = "12";

    [Fact]
    public void One_of_three_silos_is_killed_and_the_run_ends_in_the_bits_of_an_undisturbed_one()
    {
        using var calm = new TestFolder();
        using var undisturbed = ClientProcess.Start(calm, Training.Small(Steps, "--micro-batches", MicroBatches));
        var expected = Training.HashOf(undisturbed);

        using var folder = new TestFolder();
        using var first = SiloProcess.Start(folder, "a", "embedded:0");
        using var second = SiloProcess.Start(folder, "b", first.Store);
        using var third = SiloProcess.Start(folder, "c", first.Store);
        using var client = ClientProcess.Start(
            folder,
            Training.Small(
                Steps, "--micro-batches", MicroBatches, "--workers", "2..3", "--cluster",
                $"{first.Gateway},{second.Gateway}"));
        client.WaitFor("step", step =>
            step.GetProperty("step").GetInt64() > 2 && step.GetProperty("workers").GetInt32() == 3);
        third.Kill();
        Assert.Equal(expected, Training.HashOf(client));
        Assert.Equal(2, client.Events("step")[^1].GetProperty("workers").GetInt32());
    }
}

using System.Globalization;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests.Faults;

/// <summary>A silo that dies in the middle of a step takes nothing with it.</summary>
public sealed class KilledSiloTests
{
    private const int Steps = 40;

    /// <summary>Many to a step, so that a step is under way nearly always.</summary>
    private const string MicroBatches = "12";

    private const string Kept = "gpt2cluster_worker_kept_micro_batches_total";
    private const string Recomputed = "gpt2cluster_worker_recomputed_micro_batches_total";

    [Fact]
    public async Task One_of_three_silos_is_killed_and_the_others_compute_only_what_it_had()
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
        Assert.Contains("Silo c is declared dead", first.Log + second.Log, StringComparison.Ordinal);
        Assert.Equal(2, client.Events("step")[^1].GetProperty("workers").GetInt32());

        // The survivors wait for the dead one's sums until it is missed: by then they have computed all of theirs.
        var scrape = await first.Metrics() + await second.Metrics();
        Assert.Equal(0, Sum(scrape, Recomputed));
        Assert.InRange(Sum(scrape, Kept), 1, int.Parse(MicroBatches, CultureInfo.InvariantCulture));
    }

    private static double Sum(string scrape, string series)
    {
        var lines = scrape.Split('\n').Where(line => line.StartsWith(series + "{", StringComparison.Ordinal)).ToList();
        Assert.True(lines.Count == 2, scrape);
        return lines.Sum(line => double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture));
    }
}

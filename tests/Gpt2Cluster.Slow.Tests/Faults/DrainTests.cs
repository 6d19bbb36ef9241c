using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests.Faults;

/// <summary>SIGTERM to a silo in the middle of a step: its worker leaves at the boundary and nothing is lost.</summary>
public sealed class DrainTests
{
    private const int Steps = 30;

    /// <summary>Many to a step, so that a step is under way nearly always.</summary>
    private const string MicroBatches = "8";

    private const string Kept = "gpt2cluster_worker_kept_micro_batches_total";
    private const string Recomputed = "gpt2cluster_worker_recomputed_micro_batches_total";
    private const string Coordinator = "gpt2cluster_run_step{";

    private static readonly Lazy<string> Undisturbed = new(() =>
    {
        using var calm = new TestFolder();
        using var train = ClientProcess.Start(calm, Training.Small(Steps, "--micro-batches", MicroBatches));
        return Training.HashOf(train);
    });

    [Fact]
    public async Task A_silo_that_is_told_to_stop_finishes_its_step_and_the_others_repeat_nothing()
    {
        using var folder = new TestFolder();
        using var first = SiloProcess.Start(folder, "a", "embedded:0");
        using var second = SiloProcess.Start(folder, "b", first.Store);
        using var train = Train(folder, "1..3", first, second);
        train.WaitFor("step", _ => true);

        // The coordinator is there already, so that it lives on another silo than this one.
        using var third = SiloProcess.Start(folder, "c", first.Store);
        train.WaitFor("step", step => step.GetProperty("workers").GetInt32() == 3);
        third.TellToStop();
        Assert.Equal(0, third.WaitForExit());
        Assert.Equal(Undisturbed.Value, Training.HashOf(train));
        AssertEachStepOnce(train);
        AssertMembership(train, "worker c/0 left in good order (its silo stops)");
        Assert.Contains("No worker serves a run any more", third.Log, StringComparison.Ordinal);
        var scrape = await first.Metrics() + await second.Metrics();
        Assert.Equal(0, Sum(scrape, Recomputed));
        if (train.Events("membership")[^1].GetProperty("reason").GetString()!.Contains("c/0", StringComparison.Ordinal))
            Assert.Equal(0, Sum(scrape, Kept));
    }

    [Fact]
    public async Task The_coordinator_moves_when_its_silo_is_told_to_stop()
    {
        using var folder = new TestFolder();
        using var store = SiloProcess.Start(folder, "store", "embedded:0", "--cluster-id", "store");
        using var first = SiloProcess.Start(folder, "a", store.Store);
        using var second = SiloProcess.Start(folder, "b", store.Store);
        using var train = Train(folder, "1..2", first, second);
        train.WaitFor("step", step => step.GetProperty("workers").GetInt32() == 2);
        var isFirst = (await first.Metrics()).Contains(Coordinator, StringComparison.Ordinal);
        var (coordinator, other) = isFirst ? (first, second) : (second, first);
        coordinator.TellToStop();
        Assert.Equal(0, coordinator.WaitForExit());
        Assert.Equal(Undisturbed.Value, Training.HashOf(train));
        AssertEachStepOnce(train);
        var scrape = await other.Metrics();
        Assert.Equal(0, Sum(scrape, Recomputed));
        Assert.Equal(0, Sum(scrape, Kept));
        Assert.DoesNotContain("No replica of step", train.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_only_silo_of_a_run_saves_it_and_the_next_one_goes_on_from_there()
    {
        using var folder = new TestFolder();
        using var store = SiloProcess.Start(folder, "store", "embedded:0", "--cluster-id", "store");
        using var alone = SiloProcess.Start(folder, "a", store.Store);
        using var train = Train(folder, "1", alone);
        train.WaitFor("step", step => step.GetProperty("step").GetInt64() == 5);
        alone.TellToStop();
        Assert.Equal(0, alone.WaitForExit());

        using var again = alone.StartAgain(folder);
        Assert.Equal(Undisturbed.Value, Training.HashOf(train));
        AssertEachStepOnce(train);
        AssertMembership(train, "worker a/0 left in good order (its silo stops)");
        Assert.DoesNotContain("No replica of step", train.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_signal_does_not_wait_for_the_step()
    {
        using var folder = new TestFolder();
        using var silo = SiloProcess.Start(folder, "a", "embedded:0");
        using var train = ClientProcess.Start(
            folder, Training.Small(2, "--micro-batches", "4096", "--workers", "1", "--cluster", silo.Gateway));
        train.WaitFor("membership", _ => true);
        silo.TellToStop();
        folder.WaitUntil(() => silo.Log.Contains("This silo is to stop", StringComparison.Ordinal), "the silo to hear");
        silo.TellToStop();
        Assert.Equal(0, silo.WaitForExit());
        Assert.Contains("The silo stops while its workers serve runs", silo.Log, StringComparison.Ordinal);
        Assert.Contains("The store goes with this silo", silo.Log, StringComparison.Ordinal);
    }

    private static ClientProcess Train(TestFolder folder, string workers, params SiloProcess[] silos) =>
        ClientProcess.Start(folder, Training.Small(
            Steps, "--micro-batches", MicroBatches, "--workers", workers, "--cluster",
            string.Join(',', silos.Select(silo => silo.Gateway))));

    /// <summary>
    /// Each step is committed once, in order. Orleans ends the coordinator's activation when a silo leaves that kept
    /// its entry of the grain directory: a step that was in flight then is warned of, as its reports are gone.
    /// </summary>
    private static void AssertEachStepOnce(ClientProcess train)
    {
        var told = train.Events("step").Select(step => step.GetProperty("step").GetInt64()).ToList();
        Assert.Equal(told.Distinct().Order(), told);
        var untold = Enumerable.Range(1, Steps).Select(step => (long)step).Except(told);
        Assert.All(untold, step =>
            Assert.Contains($"Step {step} was applied, but not all reports", train.Output, StringComparison.Ordinal));
    }

    private static void AssertMembership(ClientProcess train, string reason) => Assert.Contains(
        reason, train.Events("membership").Select(change => change.GetProperty("reason").GetString()));

    private static double Sum(string scrape, string series) => scrape.Split('\n')
        .Where(line => line.StartsWith(series + "{", StringComparison.Ordinal))
        .Sum(line => double.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture));
}

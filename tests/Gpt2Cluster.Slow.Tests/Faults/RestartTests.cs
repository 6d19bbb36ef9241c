using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests.Faults;

/// <summary>A silo that is killed and back before anybody has noticed: its replica is gone, its name is not.</summary>
public sealed class RestartTests
{
    private const int Steps = 60;

    [Fact]
    public void A_worker_whose_silo_was_killed_and_started_again_at_once_joins_anew_and_the_bits_stay()
    {
        using var folder = new TestFolder();
        using var first = SiloProcess.Start(folder, "a", "embedded:0");
        using var alone = Start(folder, first, "alone", "1");
        var undisturbed = Training.HashOf(alone);

        // The coordinator comes to life while there is only silo a, waits for b, and outlives it.
        using var run = Start(folder, first, "disturbed", "2");
        run.WaitFor("submitted", _ => true);
        using var second = SiloProcess.Start(folder, "b", first.Store);
        run.WaitFor("step", step => step.GetProperty("step").GetInt64() >= 5);
        using var again = second.KillAndStartAgain(folder);

        Assert.Equal(undisturbed, Training.HashOf(run));
        Assert.True(run.Events("membership").Count > 1, run.Said);
    }

    private static ClientProcess Start(TestFolder folder, SiloProcess silo, string name, string workers) =>
        ClientProcess.Start(folder, Training.Small(
            Steps, "--micro-batches", "4", "--run", name, "--workers", workers, "--cluster", silo.Gateway));
}

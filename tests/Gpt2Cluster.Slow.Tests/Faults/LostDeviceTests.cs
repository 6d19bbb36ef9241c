using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.EndToEnd.Tests.Processes;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Slow.Tests.Faults;

/// <summary>
/// A device of one of two silos fails at everything it is asked from some micro-batch on, as a card does whose context
/// is broken.
/// </summary>
public sealed class LostDeviceTests
{
    private const int LostDevice = 74;

    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(120);

    [Fact]
    public void Its_silo_ends_with_a_code_of_its_own_and_the_run_goes_on_to_the_same_bits()
    {
        using var folder = new TestFolder();
        var sightings = new Sightings();
        using var listener = new FaultListener(Path.Combine(folder.Path, "faults"), sightings);
        using var first = SiloProcess.Start(folder, "a", "embedded:0");
        using var second = SiloProcess.Start(
            folder, "b", first.Store, [new("GPT2CLUSTER_FAULT_POINTS", listener.Path)], []);
        string[] cluster = ["--cluster", first.Gateway];

        listener.Arm("b", FaultPoint.Forward, step: 2, skip: 0);
        using var train = ClientProcess.Start(folder, Command("struck", cluster));
        Assert.NotNull(sightings.WaitFor(
            TimeSpan.Zero, sightings.Now + StopDeadline, sighting => sighting is { Silo: "b", IsStopped: true }));
        listener.Fail("b", FaultPoint.Forward, "CUDA error: an illegal memory access was encountered");
        Assert.Equal(LostDevice, second.WaitForExit());
        Assert.Contains(
            "The device of worker b/0 fails at everything it is asked, so silo b ends with code 74", second.Log,
            StringComparison.Ordinal);
        train.WaitFor("membership", change => change.GetProperty("step").GetInt64() > 0
            && change.GetProperty("workers").GetInt32() == 1);
        var hash = Training.HashOf(train);

        using var again = second.StartAgain(folder);
        using var whole = ClientProcess.Start(folder, Command("whole", [.. cluster, "--workers", "2"]));
        Assert.Equal(hash, Training.HashOf(whole));
        Assert.All(whole.Events("step"), step => Assert.Equal(2, step.GetProperty("workers").GetInt32()));
    }

    private static string[] Command(string run, string[] more) =>
        Training.Small(6, ["--run", run, "--micro-batches", "4", .. more]);
}

using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;
using Gpt2Cluster.Faults.Network;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Tests;

/// <summary>
/// Two silos whose link takes far longer for a step's gradients than one of them for all of its micro-batches. How near
/// the figures come is measured by <c>tests/benchmarks/slow_link.py</c>.
/// </summary>
public sealed class SlowLinkTests
{
    /// <summary>A gradient of 3.2 MB takes 0.8 s.</summary>
    private const double LinkBytesPerSecond = 4e6;

    /// <summary>The link's queue, and frames it has taken before the clock starts, pass beyond its rate.</summary>
    private const double BeyondTheRate = 1.25;

    /// <summary>Two warm up, five are measured, and behind them it could be said again.</summary>
    private const int Steps = 9;

    [Fact]
    public void A_run_says_once_that_one_alone_would_be_faster_and_inspect_said_it_before()
    {
        Assert.SkipUnless(SeparateNetworks.ReasonAgainst is null, SeparateNetworks.ReasonAgainst ?? "");
        using var folder = new TestFolder();
        using var cluster = Cluster.Start(StoreKind.Embedded, 2, Ground.Networks);
        var (networks, silos) = (cluster.Networks!, cluster.Networks!.Silos);
        networks.Set(silos[0], silos[1], Slow());
        networks.Set(silos[1], silos[0], Slow());
        string[] run =
        [
            Repository.Verses, "--cluster", cluster.Gateways, "--model", SmallModel.Write($"{folder.Path}/small"),
            "--batch-size", "1", "--micro-batches", "2", "--threads-per-worker", "1", "--json",
        ];

        using var inspect = ClientProcess.Run(folder, ["inspect", .. run]);
        Assert.True(inspect.WaitForExit() == 0, inspect.Said);
        AssertForeseen(JsonDocument.Parse(inspect.Output).RootElement.GetProperty("cluster"));

        using var train = ClientProcess.Run(
            folder,
            [
                "train", .. run, "--workers", "2", "--steps", $"{Steps}", "--sample-every", "0", "--val-every", "0",
                "--save-every", "0",
            ]);
        Assert.True(train.WaitForExit() == 0, train.Said);
        var said = train.Events("warning").Select(warning => warning.GetProperty("message").GetString()!);
        AssertAdvises(Assert.Single(said, message => message.StartsWith("A step takes", StringComparison.Ordinal)));
    }

    private static Way Slow() => new(IsCut: false, Loss: 0, TimeSpan.Zero) { Pace = new Pace(LinkBytesPerSecond) };

    private static void AssertForeseen(JsonElement foreseen)
    {
        Assert.Equal(1, foreseen.GetProperty("fastest_workers").GetInt32());
        Assert.InRange(
            foreseen.GetProperty("link_bytes_per_second").GetDouble(), 1, LinkBytesPerSecond * BeyondTheRate);
        AssertAdvises(foreseen.GetProperty("advice").GetString()!);
        var help = foreseen.GetProperty("what_helps").EnumerateArray().Select(option => option.GetString());
        Assert.Equal(["--workers 1", "--train lora:8"], help.Take(2));

        // One alone sends nothing; of two, each sends half of its sums and half of the averages.
        var gradient = foreseen.GetProperty("gradient_bytes").GetDouble();
        Assert.Equal(
            [(1, 0.0), (2, 2 * gradient)],
            foreseen.GetProperty("steps").EnumerateArray().Select(step =>
                (step.GetProperty("workers").GetInt32(), step.GetProperty("exchanged_bytes").GetDouble())));
    }

    private static void AssertAdvises(string sentence)
    {
        Assert.Contains("with one worker alone it would take about", sentence, StringComparison.Ordinal);
        Assert.Contains("What helps: --workers 1, --train lora:8", sentence, StringComparison.Ordinal);
    }
}

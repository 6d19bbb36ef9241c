using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>
/// The state hash does not depend on the number of silos: for every M from 1 to 8, fp32 and bf16, with dropout on, one,
/// two and three silos end in the same bits.
/// </summary>
public sealed class EveryMicroBatchCountTests
{
    private const int Steps = 3;

    [Theory]
    [InlineData("fp32")]
    [InlineData("bf16")]
    public void Every_M_gives_the_same_bits_on_one_two_and_three_silos(string precision)
    {
        using var folder = new TestFolder();
        using var first = SiloProcess.Start(folder, "a", "embedded:0");
        using var second = SiloProcess.Start(folder, "b", first.Store);
        using var third = SiloProcess.Start(folder, "c", first.Store);
        var model = SmallModel.Write(Path.Combine(folder.Path, "model"));
        for (var microBatches = 1; microBatches <= 8; microBatches++)
        {
            var hashes = new List<string>();
            for (var silos = 1; silos <= 3; silos++)
                hashes.Add(HashOf(folder, first.Gateway, model, precision, microBatches, silos));
            Assert.True(hashes.Distinct().Count() == 1, $"M = {microBatches}: {string.Join(", ", hashes)}");
        }
    }

    private static string HashOf(
        TestFolder folder, string gateway, string model, string precision, int microBatches, int silos)
    {
        using var client = ClientProcess.Run(
            folder, "train", Repository.Verses, "--cluster", gateway, "--model", model, "--json", "--run",
            $"m{microBatches}-w{silos}", "--precision", precision, "--micro-batches", $"{microBatches}",
            "--workers", $"{silos}..{silos}", "--steps", $"{Steps}", "--batch-size", "1", "--dropout", "0.1",
            "--threads-per-worker", "1", "--sample-every", "0", "--val-every", "0", "--save-every", "0");
        Assert.True(client.WaitForExit() == 0, client.Said);
        Assert.All(client.Events("step"), step => Assert.Equal(silos, step.GetProperty("workers").GetInt32()));
        return Assert.Single(client.Events("end")).GetProperty("state_sha256").GetString()!;
    }
}

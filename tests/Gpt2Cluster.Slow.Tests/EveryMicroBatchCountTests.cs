using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>
/// The state hash does not depend on the number of silos: for every M from 1 to 8, fp32 and bf16, with dropout on, one,
/// two and three silos end in the same bits.
/// </summary>
public sealed class EveryMicroBatchCountTests(EveryMicroBatchCountTests.Silos cluster)
    : IClassFixture<EveryMicroBatchCountTests.Silos>
{
    private const int Steps = 3;

    [Theory]
    [InlineData("fp32")]
    [InlineData("bf16")]
    public void Every_M_gives_the_same_bits_on_one_two_and_three_silos(string precision)
    {
        for (var microBatches = 1; microBatches <= 8; microBatches++)
        {
            var hashes = new List<string>();
            for (var silos = 1; silos <= 3; silos++)
                hashes.Add(HashOf(precision, microBatches, silos));
            Assert.True(hashes.Distinct().Count() == 1, $"M = {microBatches}: {string.Join(", ", hashes)}");
        }
    }

    private string HashOf(string precision, int microBatches, int silos)
    {
        using var client = ClientProcess.Run(
            cluster.Folder, "train", Repository.Verses, "--cluster", cluster.Gateway, "--model", cluster.Model,
            "--json", "--run", $"{precision}-m{microBatches}-w{silos}", "--precision", precision, "--micro-batches",
            $"{microBatches}", "--workers", $"{silos}..{silos}", "--steps", $"{Steps}", "--batch-size", "1",
            "--dropout", "0.1", "--threads-per-worker", "1", "--sample-every", "0", "--val-every", "0",
            "--save-every", "0");
        Assert.True(client.WaitForExit() == 0, client.Said);
        Assert.All(client.Events("step"), step => Assert.Equal(silos, step.GetProperty("workers").GetInt32()));
        return Assert.Single(client.Events("end")).GetProperty("state_sha256").GetString()!;
    }

    /// <summary>Three silos, which serve one run after the other in both precisions.</summary>
    public sealed class Silos : IDisposable
    {
        private readonly SiloProcess first;
        private readonly SiloProcess second;
        private readonly SiloProcess third;

        /// <summary>Starts them.</summary>
        public Silos()
        {
            first = SiloProcess.Start(Folder, "a", "embedded:0");
            second = SiloProcess.Start(Folder, "b", first.Store);
            third = SiloProcess.Start(Folder, "c", first.Store);
            Model = SmallModel.Write(Path.Combine(Folder.Path, "model"));
        }

        internal TestFolder Folder { get; } = new();

        internal string Gateway => first.Gateway;

        /// <summary>The model's folder.</summary>
        internal string Model { get; }

        /// <inheritdoc/>
        public void Dispose()
        {
            third.Dispose();
            second.Dispose();
            first.Dispose();
            Folder.Dispose();
        }
    }
}

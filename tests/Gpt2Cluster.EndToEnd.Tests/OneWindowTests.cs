using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests;

/// <summary>
/// A text of exactly one window, trained through the command line, follows PyTorch's losses (written by
/// tests/benchmarks/pytorch_one_window.py), however it is cut into micro-batches and over silos.
/// </summary>
public sealed class OneWindowTests
{
    /// <summary>
    /// Nats per token: what ten fp32 steps may differ between two orders of summation, as the project promises.
    /// </summary>
    private const double LossTolerance = 2e-4;

    private const string Text = "The lighthouse keeper counts the ships that come and go, and writes their names in a "
        + "book of blue paper beside the lamp, where the moths are as warm.";

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(2, 3, 2)]
    public void Losses_agree_with_PyTorch(int batchSize, int microBatches, int silos)
    {
        using var folder = new TestFolder();
        var golden = JsonDocument.Parse(File.ReadAllText(
            Path.Combine(AppContext.BaseDirectory, "Goldens", "one-window.json"))).RootElement;
        var model = SmallModel.Write(Path.Combine(folder.Path, "model"));
        using var client = ClientProcess.Run(
            folder, "train", folder.File("text.txt", Text), "--model", model, "--steps", "10", "--schedule", "constant",
            "--warmup", "0", "--precision", "fp32", "--learning-rate", "0.001", "--json", "--sample-every", "0",
            "--batch-size", $"{batchSize}", "--micro-batches", $"{microBatches}", "--silos", $"{silos}");

        Assert.True(client.WaitForExit() == 0, client.Said);
        var expected = golden.GetProperty("losses").EnumerateArray().Select(loss => loss.GetDouble()).ToList();
        var found = client.Events("step").Select(step => step.GetProperty("loss").GetDouble()).ToList();
        Assert.Equal(expected.Count, found.Count);
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, LossTolerance));
        folder.AssertNobodyIsLeft();
    }
}

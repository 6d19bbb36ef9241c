using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>Training learns what PyTorch does: the same shape, schedule and tokens of tinyshakespeare.</summary>
public sealed class TinyShakespeareTests
{
    /// <summary>
    /// The validation loss of <c>python3 tests/benchmarks/pytorch_tinyshakespeare.py TOKENS 2e-3 300 20</c> on the same
    /// tokens; PyTorch 1.13.1 (tests/benchmarks/NOTES.md).
    /// </summary>
    private const double LossOfPyTorch = 5.3515;

    /// <summary>Other random weights and another order of windows move the loss by less than this.</summary>
    private const double Tolerance = 0.05;

    private static readonly string Text = Path.Combine(
        Repository.Root, "tests", "Gpt2Cluster.Data.Tests", "Goldens", "tinyshakespeare.txt");

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(20);

    [Fact]
    public void Three_hundred_steps_reach_the_validation_loss_of_pytorch()
    {
        using var folder = new TestFolder();
        using var client = ClientProcess.Start(
            folder, "train", Text, "--model", "scratch:tiny", "--steps", "300", "--batch-size", "8",
            "--micro-batches", "2", "--learning-rate", "2e-3", "--warmup", "20", "--val-split", "0.05",
            "--val-every", "300", "--sample-every", "0", "--json");
        Assert.True(client.WaitForExit(Deadline) == 0, client.Said);

        var validation = Assert.Single(client.Events("validation"));
        Assert.Equal(300, validation.GetProperty("step").GetInt64());
        var loss = validation.GetProperty("loss").GetDouble();
        TestContext.Current.SendDiagnosticMessage($"validation loss {loss:0.0000}, PyTorch {LossOfPyTorch}");
        Assert.True(loss <= LossOfPyTorch + Tolerance, $"The validation loss is {loss}, PyTorch's {LossOfPyTorch}.");
    }
}

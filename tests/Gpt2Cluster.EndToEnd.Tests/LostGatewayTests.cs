using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests;

/// <summary>A client talks to one of the gateways that it was given, and to another one when that is gone.</summary>
public sealed class LostGatewayTests
{
    [Fact]
    public void A_command_goes_on_through_another_gateway_when_its_own_is_killed()
    {
        using var folder = new TestFolder();
        var model = SmallModel.Write(Path.Combine(folder.Path, "small"));
        using var keeper = SiloProcess.Start(folder, "keeper", "embedded:0");
        using var first = SiloProcess.Start(folder, "first", keeper.Store);
        using var client = ClientProcess.StartUntilConnected(
            folder, "train", Repository.Verses, "--run", "outlives", "--model", model, "--steps", "100", "--json",
            "--batch-size", "1", "--micro-batches", "2", "--threads-per-worker", "1", "--precision", "fp32",
            "--sample-every", "0", "--val-every", "0", "--cluster", $"{first.Gateway},{keeper.Gateway}");
        client.WaitFor("step", step => step.GetProperty("step").GetInt64() >= 3);
        first.Kill();
        Assert.True(client.WaitForExit() == 0, client.Said);
        Assert.NotEmpty(client.Events("end"));
    }
}

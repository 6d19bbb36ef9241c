using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary><c>model pull gpt2</c> against a hub on this machine that breaks off half way.</summary>
public sealed class ModelPullTests
{
    [Fact]
    public async Task A_transfer_that_breaks_off_goes_on_where_it_was()
    {
        using var folder = new TestFolder();
        await using var hub = new Hub(FreshModel(folder));
        hub.BreakOffAfter(hub.WeightsBytes / 2);
        using var client = ClientProcess.Run(folder, hub.Environment, "model", "pull", "124M", "--json");

        Assert.True(client.WaitForExit() == 0, client.Said);
        Assert.Equal("gpt2", JsonDocument.Parse(client.Output).RootElement.GetProperty("model").GetString());
        Assert.Equal([0, hub.WeightsBytes / 2], hub.WeightsRequests);
        var stored = Path.Combine(folder.Path, "models", "gpt2");
        Assert.Equal(5, Directory.EnumerateFiles(stored).Count());
        Assert.Equal(hub.WeightsBytes, new FileInfo(Path.Combine(stored, Hub.Weights)).Length);
    }

    [Fact]
    public void Without_a_network_the_message_says_how_to_import_a_folder()
    {
        using var folder = new TestFolder();
        using var client = ClientProcess.Run(
            folder, new Dictionary<string, string> { ["GPT2CLUSTER_HUB"] = "http://127.0.0.1:1/" }, "model", "pull",
            "gpt2", "--quiet");
        Assert.True(client.WaitForExit() == 2, client.Said);
        Assert.Contains("model import PATH", Assert.Single(client.Errors.Trim().Split('\n')), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(folder.Path, "models", "gpt2")));
    }

    /// <summary>A real model of that size: fresh weights, as the client itself writes them.</summary>
    private static string FreshModel(TestFolder folder)
    {
        var path = Path.Combine(folder.Path, "fresh");
        using var client = ClientProcess.Run(folder, "model", "init", "gpt2", path);
        Assert.True(client.WaitForExit() == 0, client.Said);
        return path;
    }
}

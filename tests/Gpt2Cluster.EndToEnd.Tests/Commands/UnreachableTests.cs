using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests.Commands;

/// <summary>A cluster that cannot be reached is exit code 3 and one sentence, within ten seconds.</summary>
[Collection(ToldCollection.Name)]
public sealed class UnreachableTests(Cluster cluster)
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(10);

    /// <summary>Several processes start at once, on a machine that may be busy.</summary>
    private static readonly TimeSpan StartAllowance = TimeSpan.FromSeconds(8);

    [Fact]
    public void It_is_said_in_time_whatever_the_reason_is()
    {
        // Nobody listens on the first port; whoever connects to the second one waits for a word.
        using var nobody = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        nobody.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var closed = $"{nobody.LocalEndPoint}";
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var mute = $"{listener.LocalEndpoint}";
        var otherId = $"127.0.0.1:{Gateway()}/another";

        var watch = Stopwatch.StartNew();
        using var runs = Start(closed, "runs");
        using var json = Start(closed, "runs", "--json");
        using var train = Start(mute, "train", Repository.Verses, "--model", "scratch:tiny", "--sequence-length", "8");
        using var show = Start(otherId, "show", "told");
        using var store = Start($"redis://{closed}/gpt2cluster", "workers");

        AssertSays(runs, watch, closed);
        AssertSays(train, watch, mute);
        AssertSays(show, watch, otherId);
        AssertSays(store, watch, closed);
        AssertEnds(json, watch);
        Assert.Equal("", json.Errors.Trim());
        var error = JsonDocument.Parse(json.Output).RootElement;
        Assert.Equal("error", error.GetProperty("event").GetString());
        Assert.Equal(runs.Errors.Trim(), error.GetProperty("message").GetString());
    }

    private int Gateway() => cluster.Folder.ClusterRecord()!.Value.GetProperty("silos")[0].GetProperty("ports")
        .GetProperty("gateway_port").GetInt32();

    private ClientProcess Start(string address, params string[] words) =>
        ClientProcess.Start(cluster.Folder, [.. words, "--cluster", address]);

    private static void AssertSays(ClientProcess client, Stopwatch watch, string address)
    {
        AssertEnds(client, watch);
        Assert.Equal("", client.Output.Trim());
        var sentence = Assert.Single(client.Errors.Trim().Split('\n'));
        Assert.StartsWith("The cluster at ", sentence, StringComparison.Ordinal);
        Assert.Contains(address, sentence, StringComparison.Ordinal);
        Assert.Contains("did not answer within", sentence, StringComparison.Ordinal);
        Assert.EndsWith(".", sentence, StringComparison.Ordinal);
    }

    private static void AssertEnds(ClientProcess client, Stopwatch watch)
    {
        Assert.True(client.WaitForExit() == 3, client.Said);
        Assert.True(watch.Elapsed < Promised + StartAllowance, $"{watch.Elapsed} is too late: {client.Said}");
    }
}

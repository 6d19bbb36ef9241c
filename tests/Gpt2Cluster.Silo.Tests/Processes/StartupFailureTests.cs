using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;

namespace Gpt2Cluster.Silo.Tests.Processes;

/// <summary>What ends a silo before it is in its cluster is one sentence.</summary>
public sealed class StartupFailureTests
{
    [Fact]
    public async Task A_silo_that_is_stopped_while_it_waits_for_its_store_ends_in_good_order()
    {
        using var nobody = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        nobody.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var folder = new TestFolder();
        using var silo = SiloProcess.Start(folder.Path, "--redis", $"{nobody.LocalEndPoint}");
        await silo.UntilSaid("does not answer yet");
        silo.TellToStop();
        Assert.Equal(0, await silo.UntilExit());
        Assert.Contains("The silo was stopped before it was in the cluster.", silo.Output);
        Assert.DoesNotContain("Unhandled exception", silo.Output);
    }

    [Fact]
    public async Task A_store_with_other_things_under_the_clusters_keys_is_named()
    {
        using var folder = new TestFolder();
        using var otherFolder = new TestFolder();
        using var first = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0");
        await using (var store = await ConnectionMultiplexer.ConnectAsync(first.Redis))
            await store.GetDatabase().StringSetAsync("another/members/another", "foreign");

        using var second = SiloProcess.Start(otherFolder.Path, "--redis", first.Redis, "--cluster-id", "another");
        Assert.Equal(2, await second.UntilExit());
        Assert.Contains($"The store {first.Redis} does not take what a silo writes", second.Output);
        Assert.DoesNotContain("Unhandled exception", second.Output);
    }
}

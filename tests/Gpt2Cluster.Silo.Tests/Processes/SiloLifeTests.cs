using System.Net;
using System.Net.Sockets;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;

namespace Gpt2Cluster.Silo.Tests.Processes;

public sealed class SiloLifeTests
{
    [Fact]
    public async Task Serves_health_readiness_metrics_and_runs_and_stops_with_its_parent()
    {
        using var folder = new TestFolder();
        using var silo = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0", "--name", "alpha");
        using var http = new HttpClient { BaseAddress = silo.Http };
        Assert.Equal("alive\n", await http.GetStringAsync("healthz"));
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("readyz")).StatusCode);
        Assert.Contains("There is no run yet", await http.GetStringAsync(""));
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync("runs/nobody")).StatusCode);
        var metrics = PrometheusText.Parse(await http.GetStringAsync("metrics"));
        Assert.Equal(1, metrics["gpt2cluster_silo_workers"]);
        Assert.True(metrics["gpt2cluster_silo_resident_bytes"] > 1e7);
        Assert.True(metrics.ContainsKey("gpt2cluster_silo_live_tensors"));
        Assert.Contains(metrics.Keys, name => name.StartsWith("orleans_", StringComparison.Ordinal));
        Assert.Contains(metrics.Keys, name => name.StartsWith("dotnet_", StringComparison.Ordinal));
        silo.CloseInput();
        Assert.Equal(0, await silo.UntilExit());
    }

    [Fact]
    public async Task The_page_of_a_run_that_does_not_exist_brings_no_coordinator_to_life()
    {
        using var folder = new TestFolder();
        using var silo = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0");
        await using var client = await TestClient.Connect(silo);
        using var http = new HttpClient { BaseAddress = silo.Http };
        foreach (var name in new[] { "nobody", "run1", "-", new string('x', 1000) })
            Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync($"runs/{name}")).StatusCode);
        Assert.Equal(0, await Coordinators(client));

        // Whoever asks a run itself does bring one to life: the count counts.
        Assert.Null(await client.Grains.Run("nobody".Run()).Describe());
        Assert.Equal(1, await Coordinators(client));
    }

    [Fact]
    public async Task A_silo_that_is_killed_is_dropped_and_another_finds_the_store()
    {
        using var folder = new TestFolder();
        using var first = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0", "--name", "alpha");
        using var second = await SiloProcess.StartReady(folder.Path, "--redis", first.Redis, "--name", "beta");
        await using var client = await TestClient.Connect(first);
        var cluster = client.Grains.Cluster();
        await Until(cluster, "alpha", "beta");
        second.Kill();
        await Until(cluster, "alpha");
    }

    [Fact]
    public async Task A_ready_file_that_cannot_be_written_is_tried_again_and_ends_nothing()
    {
        using var folder = new TestFolder();
        var inTheWay = Path.Combine(folder.Path, "file");
        await File.WriteAllTextAsync(inTheWay, "A file where a folder is to be.");
        using var silo = SiloProcess.StartWith(
            Path.Combine(inTheWay, "ready.json"), folder.Path, "--redis", "embedded:0");
        await silo.UntilSaid("could not register with the cluster and tries again");
        File.Delete(inTheWay);
        await silo.UntilReady();
    }

    [Fact]
    public async Task A_port_in_use_is_named_and_ends_with_code_2()
    {
        using var folder = new TestFolder();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var silo = SiloProcess.Start(folder.Path, "--redis", $"embedded:{port}");
        Assert.Equal(2, await silo.UntilExit());
        Assert.Contains($"Port {port} (--redis embedded) is in use", silo.Output);
    }

    [Fact]
    public async Task Two_stores_in_one_data_folder_are_refused()
    {
        using var folder = new TestFolder();
        using var first = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0");
        using var second = SiloProcess.Start(folder.Path, "--redis", "embedded:0");
        Assert.Equal(2, await second.UntilExit());
        Assert.Contains("Another silo hosts the store", second.Output);
    }

    /// <summary>Orleans waits two minutes for its store, more than supervisors do; the wait here is one.</summary>
    [Fact]
    public async Task A_silo_stops_also_when_the_store_is_gone()
    {
        using var folder = new TestFolder();
        using var otherFolder = new TestFolder();
        using var first = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0");
        using var second = await SiloProcess.StartReady(otherFolder.Path, "--redis", first.Redis);
        first.Kill();
        second.CloseInput();
        Assert.Equal(0, await second.UntilExit());
    }

    private static async Task<int> Coordinators(TestClient client)
    {
        var statistics = await client.Grains.GetGrain<IManagementGrain>(0).GetSimpleGrainStatistics();
        return statistics
            .Where(grain => grain.GrainType.Contains("TrainingRun", StringComparison.Ordinal))
            .Sum(grain => grain.ActivationCount);
    }

    private static async Task Until(ICluster cluster, params string[] names)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        string[] found = [];
        for (var left = 300; left > 0 && await timer.WaitForNextTickAsync(); left--)
        {
            found = [.. (await cluster.Describe()).Silos.Select(silo => silo.Name.ToString())];
            if (found.SequenceEqual(names))
                return;
        }

        Assert.Fail($"expected the silos {string.Join(", ", names)}, there are {string.Join(", ", found)}");
    }
}

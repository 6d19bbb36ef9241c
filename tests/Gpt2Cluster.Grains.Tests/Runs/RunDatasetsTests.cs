using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Grains.Runs;
using Gpt2Cluster.Grains.Tests.Workers;

namespace Gpt2Cluster.Grains.Tests.Runs;

public sealed class RunDatasetsTests
{
    private readonly HashSet<string> held = ["a first", "b first", "b second"];
    private readonly HashSet<string> away = [];
    private readonly List<string> used = [];

    [Fact]
    public async Task All_disks_are_told_that_the_datasets_are_of_use_also_if_one_is_gone()
    {
        Assert.Null(await Missing("first", "second"));
        Assert.Equal(["a first  ", "b first  ", "a second  ", "b second  "], used);
        used.Clear();
        held.Remove("b second");
        Assert.Equal("second", await Missing("second", "first"));
        Assert.Equal(4, used.Count);
    }

    [Fact]
    public async Task Nothing_is_missing_as_long_as_a_silo_does_not_say_so()
    {
        held.Clear();
        Assert.Equal("first", await Missing("first"));
        Assert.Null(await RunDatasets.Missing(Grains, ["first"], Cluster with { IsComplete = false }));
        away.Add("a");
        Assert.Null(await Missing("first"));
    }

    [Fact]
    public async Task A_run_is_noted_wherever_a_silo_hears_it()
    {
        away.Add("a");
        await RunDatasets.Note(Grains, ["first", "second"], Cluster, "run1".Run(), "0f");
        Assert.Equal(["b first run1 0f", "b second run1 0f"], used);
    }

    private Task<string?> Missing(params string[] hashes) => RunDatasets.Missing(Grains, hashes, Cluster);

    private static ClusterView Cluster => new() { Silos = [Silo("a"), Silo("b")], IsComplete = true };

    private IGrainFactory Grains => Proxy.Of<IGrainFactory>((_, key) => Proxy.Of<IModelStore>((method, arguments) =>
    {
        Assert.Equal(nameof(IModelStore.UseDataset), method.Name);
        if (away.Contains((string)key[0]!))
            return Task.FromException<bool>(new TimeoutException());
        used.Add($"{key[0]} {string.Join(' ', arguments)}");
        return Task.FromResult(held.Contains($"{key[0]} {arguments[0]}"));
    }));

    private static SiloDescription Silo(string name) => new()
    {
        Name = name.Silo(),
        StripeHost = "127.0.0.1",
        StripePort = 0,
        FreeDiskBytes = 0,
        Workers = [],
        MachineCores = 1,
        HttpAddress = "127.0.0.1:0",
        DataFolderId = name,
        MachineName = "m",
        Incarnation = "1",
    };
}

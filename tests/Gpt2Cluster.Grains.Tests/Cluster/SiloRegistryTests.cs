using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Grains.Cluster;
using Microsoft.Extensions.Time.Testing;

namespace Gpt2Cluster.Grains.Tests.Cluster;

public sealed class SiloRegistryTests
{
    private static readonly HashSet<string> Nobody = [];

    private readonly FakeTimeProvider time = new();

    [Fact]
    public void A_silo_is_news_once_and_again_when_its_devices_change()
    {
        var registry = new SiloRegistry(time);
        Assert.True(registry.Register(Silo("a", 1)));
        Assert.False(registry.Register(Silo("a", 1)));
        Assert.True(registry.Register(Silo("a", 2)));
    }

    [Fact]
    public void Workers_come_in_a_fixed_order()
    {
        var registry = new SiloRegistry(time);
        registry.Register(Silo("b", 1));
        registry.Register(Silo("a", 2));
        Assert.Equal(["a/0", "a/1", "b/0"], registry.Workers.Select(worker => worker.Key));
    }

    [Fact]
    public void A_silent_silo_is_dropped()
    {
        var registry = new SiloRegistry(time);
        registry.Register(Silo("a", 1));
        time.Advance(SiloRegistry.SilenceBound);
        Assert.Empty(registry.Sweep(Nobody));
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(["a"], registry.Sweep(Nobody));
        Assert.Empty(registry.Silos);
    }

    [Fact]
    public void A_silo_that_leaves_the_membership_is_dropped_at_once_but_one_that_is_not_in_it_yet_is_kept()
    {
        var registry = new SiloRegistry(time);
        registry.Register(Silo("a", 1));
        Assert.Empty(registry.Sweep(Nobody));
        Assert.Empty(registry.Sweep(new HashSet<string> { "a" }));
        Assert.Equal(["a"], registry.Sweep(Nobody));
    }

    private static SiloDescription Silo(string name, int deviceCount) => new()
    {
        Name = name,
        StripeHost = "127.0.0.1",
        StripePort = 1,
        HttpAddress = "127.0.0.1:2",
        DataFolderId = "folder",
        FreeDiskBytes = 1,
        MachineCores = 2,
        MachineName = "machine",
        Workers = [.. Enumerable.Range(0, deviceCount).Reverse().Select(index => new WorkerDescription
        {
            SiloName = name,
            DeviceIndex = index,
            Kind = "cpu",
            Name = "processor",
            Cores = 1,
            BFloat16IsFast = false,
        })],
    };
}

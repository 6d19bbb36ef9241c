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
        Assert.Equal(RegistrationChange.Joins, registry.Register(Silo("a", 1)));
        Assert.Equal(RegistrationChange.None, registry.Register(Silo("a", 1)));
        Assert.Equal(RegistrationChange.Joins, registry.Register(Silo("a", 2)));
    }

    [Fact]
    public void A_silo_that_is_to_stop_is_news_once_and_its_workers_say_so()
    {
        var registry = new SiloRegistry(time);
        registry.Register(Silo("a", 1));
        Assert.Equal(RegistrationChange.Stops, registry.Register(Silo("a", 1) with { IsLeaving = true }));
        Assert.Equal(RegistrationChange.None, registry.Register(Silo("a", 1) with { IsLeaving = true }));
        Assert.Equal([new AssignableWorker("a/0", StopsWithSilo: true)], registry.Workers);
        Assert.Equal(RegistrationChange.Joins, registry.Register(Silo("a", 1, "second life")));
        Assert.Equal([new AssignableWorker("a/0")], registry.Workers);
    }

    [Fact]
    public void A_silo_that_was_started_again_is_news_and_not_yet_a_member()
    {
        var registry = new SiloRegistry(time);
        registry.Register(Silo("a", 1));
        Assert.Empty(registry.Sweep(new HashSet<string> { "a" }));
        Assert.Equal(RegistrationChange.Joins, registry.Register(Silo("a", 1, "second life")));
        Assert.Equal(RegistrationChange.None, registry.Register(Silo("a", 1, "second life")));
        Assert.Empty(registry.Sweep(Nobody));
    }

    [Fact]
    public void The_list_is_complete_once_all_silos_of_the_membership_are_in_it()
    {
        var registry = new SiloRegistry(time);
        registry.Register(Silo("a", 1));
        registry.Complete(new HashSet<string> { "a", "b" });
        Assert.False(registry.IsComplete);
        registry.Register(Silo("b", 1));
        registry.Complete(new HashSet<string> { "a", "b" });
        Assert.True(registry.IsComplete);
        registry.Complete(new HashSet<string> { "a", "b", "c" });
        Assert.True(registry.IsComplete);
    }

    [Fact]
    public void A_silo_that_does_not_introduce_itself_is_not_waited_for_long()
    {
        var registry = new SiloRegistry(time);
        time.Advance(SiloRegistry.IntroductionBound);
        registry.Complete(new HashSet<string> { "a" });
        Assert.False(registry.IsComplete);
        time.Advance(TimeSpan.FromMilliseconds(1));
        registry.Complete(new HashSet<string> { "a" });
        Assert.True(registry.IsComplete);
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
        Listen(registry, SiloRegistry.SilenceBound);
        Assert.NotEmpty(registry.Silos);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(["a"], registry.Sweep(Nobody));
        Assert.Empty(registry.Silos);
    }

    [Fact]
    public void A_silo_that_could_not_be_heard_is_not_silent()
    {
        var registry = new SiloRegistry(time);
        registry.Register(Silo("a", 1));
        time.Advance(10 * SiloRegistry.SilenceBound);
        Assert.Empty(registry.Sweep(Nobody));
        Listen(registry, SiloRegistry.SilenceBound);
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

    private void Listen(SiloRegistry registry, TimeSpan howLong)
    {
        for (var left = howLong; left > TimeSpan.Zero; left -= ClusterGrain.SweepPeriod)
        {
            time.Advance(ClusterGrain.SweepPeriod);
            registry.Sweep(Nobody);
        }
    }

    private static SiloDescription Silo(string name, int deviceCount, string incarnation = "first life") => new()
    {
        Name = name,
        StripeHost = "127.0.0.1",
        StripePort = 1,
        HttpAddress = "127.0.0.1:2",
        DataFolderId = "folder",
        FreeDiskBytes = 1,
        MachineCores = 2,
        MachineName = "machine",
        Incarnation = incarnation,
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

using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Grains.Cluster;
using Microsoft.Extensions.Time.Testing;

namespace Gpt2Cluster.Grains.Tests.Cluster;

public sealed class DeviceDemandTests
{
    private readonly SiloRegistry silos = new(new FakeTimeProvider());

    public DeviceDemandTests()
    {
        silos.Register(Silo("a", ("cpu", "AVX2"), ("cuda", "T4")));
        silos.Register(Silo("b", ("cuda", "H200"), ("cuda", "H200")));
    }

    [Fact]
    public void Workers_of_other_classes_stay_free_for_other_runs()
    {
        var plan = Assign([Demand("cards".Run(), "cuda", "H200"), Demand("processors".Run(), "cpu", null)], []);
        Assert.Equal(new()
        {
            ["b/0".Worker()] = "cards".Run(),
            ["b/1".Worker()] = "cards".Run(),
            ["a/0".Worker()] = "processors".Run()
        }, plan.Runs);
        Assert.Empty(plan.Leaving);
    }

    [Fact]
    public void A_worker_of_another_class_that_serves_a_run_is_free_at_once()
    {
        var current = new Dictionary<WorkerId,
            RunName>
        { ["a/0".Worker()] = "cards".Run(), ["b/0".Worker()] = "cards".Run() };
        var plan = Assign([Demand("cards".Run(), "cuda", null)], current);
        Assert.Equal(["a/1", "b/0", "b/1"],
            plan.Runs.Keys.Select(worker => worker.ToString()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_run_whose_class_is_not_chosen_gets_none_and_one_of_before_there_were_classes_gets_any()
    {
        Assert.Empty(Assign([Demand("open".Run(), "auto", null)], []).Runs);
        Assert.Equal(4, Assign([Demand("old".Run(), null, null)], []).Runs.Count);
    }

    private AssignmentPlan Assign(WorkerDemand[] demands, Dictionary<WorkerId, RunName> current) =>
        WorkerAssignment.Assign(silos.Workers, demands, current);

    private WorkerDemand Demand(RunName run, string? kind, string? deviceClass) => new(run, 1, 9)
    {
        Refused = silos.KeysOfOthers(new DeviceDemand(kind, deviceClass)).ToHashSet(),
    };

    private static SiloDescription Silo(string name, params (string Kind, string Class)[] devices) => new()
    {
        Name = name.Silo(),
        StripeHost = name,
        StripePort = 1,
        HttpAddress = "",
        DataFolderId = name,
        FreeDiskBytes = 1,
        MachineCores = 1,
        MachineName = name,
        Incarnation = name,
        Workers =
        [
            .. devices.Select((device, index) => new WorkerDescription
            {
                SiloName = name.Silo(),
                DeviceIndex = index,
                Kind = DeviceKinds.Read(device.Kind)!.Value,
                Class = device.Class,
                Name = device.Class,
                Cores = 0,
                BFloat16IsFast = false,
            }),
        ],
    };
}

using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Simulator.Clock;
using Gpt2Cluster.Simulator.Disk;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Tests;

/// <summary>Clusters of cards beside processors: the real coordinator and the real list of workers choose.</summary>
public sealed class MixedClusterTests
{
    private static readonly TimeSpan EndBound = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData(null, 1, DeviceKind.Cuda)]
    [InlineData(null, 2, DeviceKind.Cuda)]
    [InlineData(null, 3, DeviceKind.Cpu)]
    [InlineData(DeviceKind.Cpu, 1, DeviceKind.Cpu)]
    [InlineData(DeviceKind.Cuda, 1, DeviceKind.Cuda)]
    public void A_run_is_served_by_the_class_it_names_and_by_the_faster_one_that_has_enough(
        DeviceKind? wish, int least, DeviceKind expected)
    {
        // Who introduces itself and reports first differs from seed to seed.
        for (var seed = 0UL; seed < 20; seed++)
        {
            var record = Train(seed, wish, least);
            Assert.Equal(RunStatus.Completed, record.Status);
            Assert.Equal((expected, expected), (record.Devices!.Kind, record.Specification.Device));
            Assert.Equal(
                expected == DeviceKind.Cpu ? "cpu" : SimulatedCluster.ClassOf(expected), record.Profile!.DeviceClass);
        }
    }

    private static RunRecord Train(ulong seed, DeviceKind? wish, int least)
    {
        var chance = new Chance(seed);
        var drawn = ScheduledWorld.Draw(chance);
        var cluster = new SimulatedCluster(
            drawn with
            {
                Specification = drawn.Specification with
                {
                    Device = wish,
                    Precision = null,
                    Workers = new(least, null),
                    SaveEvery = 0,
                    EarlyStop = 0,
                },
                Culprit = null,
                DeviceFailure = 0,
                IsStoreEmbedded = false,
                Machines =
                [
                    new Machine("a", 3, new SimulatedDisk("disk a")),
                    new Machine("b", 1, new SimulatedDisk("disk b")) { Kind = DeviceKind.Cuda },
                    new Machine("c", 1, new SimulatedDisk("disk c")) { Kind = DeviceKind.Cuda },
                ],
            },
            chance, Mutant.None, trace: null);
        foreach (var machine in cluster.Machines)
            cluster.Timeline.After(chance.Seconds(0, 1), null, () => cluster.Start(machine));
        var people = new People(cluster);
        cluster.Timeline.After(TimeSpan.FromSeconds(2), null, people.Begin);
        while (people.End is null)
        {
            Assert.Null(cluster.Watch.FirstBroken);
            Assert.True(cluster.Timeline.Now < EndBound, $"the run is {cluster.Watch.Newest?.Status} after {EndBound}");
            cluster.Timeline.Advance();
        }

        return people.End.Record;
    }
}

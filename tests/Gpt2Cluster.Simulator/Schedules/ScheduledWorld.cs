using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Simulator.Clock;
using Gpt2Cluster.Simulator.Disk;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Schedules;

/// <summary>What a seed makes of a run and of the cluster that trains it, before anything happens.</summary>
internal sealed record ScheduledWorld
{
    private const int MaxMachines = 4;
    private const int MaxWorkers = 6;
    private const double MostSlowness = 4;
    private const ulong AdapterShare = 3;

    /// <summary>The run.</summary>
    public required RunSpecification Specification { get; init; }

    /// <summary>Parameters of its model.</summary>
    public required int ElementCount { get; init; }

    /// <summary>Elements of a stripe.</summary>
    public required int StripeElements { get; init; }

    /// <summary>The micro-batch whose gradient is not finite; null for none.</summary>
    public required (long Step, int Leaf)? Culprit { get; init; }

    /// <summary>The machines.</summary>
    public required IReadOnlyList<Machine> Machines { get; init; }

    /// <summary>Whether the store lives in the first machine's silo.</summary>
    public required bool IsStoreEmbedded { get; init; }

    /// <summary>What a micro-batch takes at least.</summary>
    public required double MicroBatchSeconds { get; init; }

    /// <summary>How likely a device fails at each micro-batch.</summary>
    public required double DeviceFailure { get; init; }

    /// <summary>What the whole run takes the slowest worker at most, if it is the only one.</summary>
    public TimeSpan LongestCompute => TimeSpan.FromSeconds(
        Specification.Steps * Specification.MicroBatchCount * 2 * MicroBatchSeconds * MostSlowness);

    /// <summary>Draws a world.</summary>
    public static ScheduledWorld Draw(Chance chance)
    {
        var machines = DrawMachines(chance);
        var workerCount = machines.Sum(machine => machine.DeviceCount);
        var specification = Run(chance, workerCount);
        var elementCount = chance.Between(1, 20);
        (long Step, int Leaf)? culprit = chance.Happens(0.15)
            ? (chance.Between(1, (int)specification.Steps), chance.Below(specification.MicroBatchCount))
            : null;
        return new ScheduledWorld
        {
            Specification = specification,
            ElementCount = elementCount,
            StripeElements = chance.Between(1, Math.Max(1, elementCount)),
            Culprit = culprit,
            Machines = machines,
            IsStoreEmbedded = chance.Happens(0.4),
            DeviceFailure = chance.Happens(0.1) ? 0.01 : 0,
            MicroBatchSeconds = chance.Of([0.005, 0.02, 0.05, 0.15]),
        };
    }

    private static List<Machine> DrawMachines(Chance chance)
    {
        var count = chance.Between(1, MaxMachines);
        var shared = chance.Happens(0.3) ? new SimulatedDisk("shared") : null;
        var left = MaxWorkers;
        var machines = new List<Machine>();
        for (var index = 0; index < count; index++)
        {
            var name = $"{(char)('a' + index)}";
            var devices = chance.Between(1, Math.Min(3, left - (count - index - 1)));
            left -= devices;
            machines.Add(new Machine(name, devices, shared ?? new SimulatedDisk($"disk {name}"))
            {
                Slowness = chance.Happens(0.2) ? MostSlowness : 1,
            });
        }

        return machines;
    }

    private static RunSpecification Run(Chance chance, int workerCount)
    {
        var least = chance.Happens(0.3) ? chance.Between(1, workerCount) : 1;
        int? most = chance.Happens(0.3) ? chance.Between(least, workerCount) : null;
        var steps = chance.Between(5, 15);
        var validateEvery = chance.Happens(0.5) ? chance.Between(1, 5) : 0;
        var specification = new RunSpecification
        {
            Run = SimulatedCluster.RunName.Run(),
            Model = new ModelReference("scratch:tiny", Presets.Scratch("scratch:tiny").Shape),
            Dataset = new DatasetReference(
                new string('a', 64), chance.Between(2, 120), validateEvery > 0 ? chance.Between(2, 30) : 0),
            SequenceLength = chance.Between(1, 4),
            Steps = steps,
            BatchSize = chance.Between(1, 2),
            MicroBatchCount = chance.Between(1, 13),
            Schedule = new LearningRateSchedule(chance.Of(Enum.GetValues<ScheduleKind>()), 0.05, chance.Below(3)),
            Precision = Precision.Float32,
            ThreadsPerWorker = 1,
            Workers = new WorkerRange(least, most),
            OnNan = chance.Happens(0.5) ? NanPolicy.Stop : NanPolicy.Skip,
            Sampling = new SamplingOptions
            {
                Every = chance.Happens(0.3) ? chance.Between(1, 6) : 0,
                Count = chance.Between(1, 4),
                Length = 10,
            },
            SaveEvery = chance.Happens(0.8) ? chance.Between(1, 5) : 0,
            Keep = chance.Between(1, 3),
            ValidateEvery = validateEvery,
            EarlyStop = validateEvery > 0 && chance.Happens(0.5) ? chance.Between(1, 3) : 0,
            Seed = chance.Bits() >> 1,
        };
        // A third of the runs train adapters; drawn of what is drawn already, so that no schedule changes otherwise.
        return specification.Seed % AdapterShare == 0
            ? specification with
            {
                Trainable = TrainableParameters.Lora,
                Lora = new LoraOptions { Rank = 4, Alpha = 8, Dropout = 0.1 },
            }
            : specification;
    }
}

using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Tests.Training;

public sealed class MemoryCheckTests
{
    private static readonly RunSpecification Large = new()
    {
        Run = RunName.Parse("run1"),
        Model = new ModelReference("scratch:gpt2-xl", Presets.Scratch("scratch:gpt2-xl").Shape),
        Dataset = new DatasetReference("", 100_000),
        SequenceLength = 1024,
        Schedule = new LearningRateSchedule(ScheduleKind.Constant, 1e-4, 0),
        Precision = Precision.BFloat16,
    };

    [Fact]
    public void A_model_that_does_not_fit_is_refused_with_numbers_and_what_would_fit()
    {
        var error = MemoryCheck.Error(Large, [Silo("a", "m", 25_000_000_000)]);
        Assert.StartsWith("The machine m has 25.0 GB of memory and this run's worker takes about ", error);
        Assert.Contains("--train lora:8", error, StringComparison.Ordinal);
        Assert.Null(MemoryCheck.Error(Adapters(Large), [Silo("a", "m", 25_000_000_000)]));
    }

    [Fact]
    public void Silos_of_one_machine_share_its_memory()
    {
        var small = Large with { Model = new ModelReference("scratch:gpt2", Presets.Scratch("scratch:gpt2").Shape) };
        SiloDescription[] two = [Silo("a", "m", 9_000_000_000), Silo("b", "m", 9_000_000_000)];
        Assert.Null(MemoryCheck.Error(small, two[..1]));
        Assert.Contains("2 workers take", MemoryCheck.Error(small, two), StringComparison.Ordinal);
        Assert.Null(MemoryCheck.Error(small with { Workers = new WorkerRange(1, 1) }, two));
        Assert.Null(MemoryCheck.Error(small, [Silo("a", "m", 9_000_000_000), Silo("b", "n", 9_000_000_000)]));
    }

    [Fact]
    public void A_silo_that_does_not_say_its_memory_is_believed() =>
        Assert.Null(MemoryCheck.Error(Large, [Silo("a", "m", 0)]));

    private static RunSpecification Adapters(RunSpecification specification) => specification with
    {
        Trainable = TrainableParameters.Lora,
        Lora = new LoraOptions { Rank = 8, Alpha = 16 },
    };

    private static SiloDescription Silo(string name, string machine, long memoryBytes) => new()
    {
        Name = name,
        StripeHost = "",
        StripePort = 1,
        HttpAddress = "",
        DataFolderId = "",
        FreeDiskBytes = 1,
        MachineMemoryBytes = memoryBytes,
        MachineCores = 2,
        MachineName = machine,
        Incarnation = "",
        Workers =
        [
            new WorkerDescription
            {
                SiloName = name,
                DeviceIndex = 0,
                Kind = "cpu",
                Name = "",
                Cores = 1,
                BFloat16IsFast = true,
            },
        ],
    };
}

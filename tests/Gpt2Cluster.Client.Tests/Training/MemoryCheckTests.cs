using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Tests.Training;

public sealed class MemoryCheckTests
{
    private static readonly RunSpecification Large = new()
    {
        Run = "run1".Run(),
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

    [Theory]
    [InlineData(null)]
    [InlineData(DeviceKind.Cuda)]
    public void A_small_machine_does_not_refuse_what_cards_serve(DeviceKind? wish)
    {
        var run = Large with { Device = wish };
        SiloDescription[] silos = [Cards("a", 141_000_000_000), Silo("b", "m", 8_000_000_000)];
        Assert.Null(MemoryCheck.Error(run, silos));
        Assert.InRange(MemoryCheck.WorkerBytes(run, silos)!.Value, 60_000_000_000, 90_000_000_000);
        Assert.StartsWith("The machine m has 8.0 GB", MemoryCheck.Error(run with { Device = DeviceKind.Cpu }, silos));

        // With one card for two workers, processors are not sure to serve the run; without any card they are.
        var two = run with { Workers = new WorkerRange(2, null) };
        Assert.Null(MemoryCheck.Error(two, silos));
        Assert.NotNull(MemoryCheck.Error(two with { Device = null }, silos[1..]));
    }

    [Fact]
    public void A_silo_that_is_leaving_does_not_count()
    {
        SiloDescription[] silos =
        [
            Silo("a", "m", 400_000_000_000),
            Silo("b", "n", 8_000_000_000) with { IsLeaving = true },
            Cards("c", 0) with { IsLeaving = true },
        ];
        Assert.Null(MemoryCheck.Error(Large, silos));
        Assert.True(MemoryCheck.LargestBatch(Large, silos).Windows > 1);
    }

    [Fact]
    public void Workers_of_one_silo_share_its_program_and_its_exchange()
    {
        // A machine that holds two workers in one silo, and not in two.
        var two = Silo("a", "m", 0);
        two = two with { Workers = [two.Workers[0], two.Workers[0] with { DeviceIndex = 1 }] };
        var estimate = MemoryEstimate.Of(MemoryEstimate.DemandOf(Small, Precision.BFloat16, siloCount: 1));
        var bytes = (2 * estimate.TotalBytes) - MemoryEstimate.ProgramBytes - estimate.ExchangeBytes;
        Assert.Null(MemoryCheck.Error(Small, [two with { MachineMemoryBytes = bytes }]));
        Assert.NotNull(MemoryCheck.Error(Small, [two with { MachineMemoryBytes = bytes - 1 }]));
        Assert.NotNull(MemoryCheck.Error(Small, [Silo("a", "m", bytes), Silo("b", "m", bytes)]));
    }

    [Fact]
    public void A_silo_that_does_not_say_its_memory_is_believed() =>
        Assert.Null(MemoryCheck.Error(Large, [Silo("a", "m", 0)]));

    [Fact]
    public void The_largest_batch_is_the_last_one_whose_estimate_fits_the_smallest_machine()
    {
        var small = Small with { Dataset = new DatasetReference("", 100_000_000) };
        SiloDescription[] silos = [Silo("a", "m", 60_000_000_000), Silo("b", "n", 20_000_000_000)];
        var fitting = MemoryCheck.LargestBatch(small, silos);
        var share = (long)(20_000_000_000 * MemoryCheck.FilledShare);
        Assert.InRange(Bytes(small, fitting.Windows), 1, share);
        Assert.InRange(Bytes(small, fitting.Windows + 1), share + 1, long.MaxValue);
        Assert.Equal(Bytes(small, fitting.Windows), fitting.WorkerBytes);
        Assert.EndsWith(
            FormattableString.Invariant($" takes about {Bytes(small, fitting.Windows) / 1e9:0.0} GB."), fitting.Words);

        SiloDescription[] together = [Silo("a", "m", 20_000_000_000), Silo("b", "m", 20_000_000_000)];
        var shared = MemoryCheck.LargestBatch(small, together);
        Assert.InRange(2 * Bytes(small, shared.Windows), 1, share);
        Assert.InRange(2 * Bytes(small, shared.Windows + 1), share + 1, long.MaxValue);
    }

    [Fact]
    public void A_step_takes_no_window_twice_where_it_need_not()
    {
        // 100,000 tokens have 97 windows of 1,024.
        SiloDescription[] silos = [Silo("a", "m", 4_000_000_000_000)];
        Assert.Equal(12, MemoryCheck.LargestBatch(Small with { MicroBatchCount = 8 }, silos).Windows);
        Assert.Equal(1, MemoryCheck.LargestBatch(Small with { MicroBatchCount = 200 }, silos).Windows);
    }

    [Fact]
    public void A_batch_that_cannot_be_settled_is_refused_with_what_would_help()
    {
        Assert.Contains(
            "give --batch-size a number", Refusal(Small, Silo("a", "m", 0)), StringComparison.Ordinal);
        var silent = Cards("a", 0);
        Assert.Contains("the card a/0 does not say", Refusal(Small, silent), StringComparison.Ordinal);
        var two = Small with { Workers = new WorkerRange(2, null) };
        Assert.Contains(
            "fewer cards than --workers", Refusal(two, silent, Silo("b", "m", 1)), StringComparison.Ordinal);
        var onProcessors = Small with { Device = DeviceKind.Cpu };
        Assert.True(
            MemoryCheck.LargestBatch(onProcessors, [silent, Silo("b", "m", 20_000_000_000)]).Windows > 1);
        var tooSmall = Refusal(Large, Silo("a", "m", 25_000_000_000));
        Assert.StartsWith("With a fifth of its memory kept free, the machine m has 20.0 GB of memory", tooSmall);
        Assert.Contains("--train lora:8 would fit", tooSmall, StringComparison.Ordinal);
    }

    [Fact]
    public void A_card_that_is_too_small_is_refused_with_numbers_and_what_would_fit()
    {
        SiloDescription[] silos = [Cards("a", 80_000_000_000), Cards("b", 12_000_000_000)];
        var error = MemoryCheck.Error(Large, silos);
        Assert.StartsWith("The card b/0 (a card) has 12.0 GB of memory and this run's worker takes about ", error);
        Assert.Contains("--train lora:8", error, StringComparison.Ordinal);
        Assert.Null(MemoryCheck.Error(Adapters(Large), silos));
        Assert.Null(MemoryCheck.Error(Large, [Cards("a", 0)]));
    }

    [Fact]
    public void A_machine_has_room_for_what_leaves_its_cards()
    {
        var two = Large with { Workers = new WorkerRange(2, null) };
        SiloDescription[] silos = [Cards("a", 141_000_000_000), Cards("b", 141_000_000_000)];
        Assert.Null(MemoryCheck.Error(two, silos));
        silos[1] = silos[1] with { MachineMemoryBytes = 10_000_000_000 };
        Assert.StartsWith("The machine b has 10.0 GB of memory", MemoryCheck.Error(two, silos));
    }

    [Fact]
    public void The_largest_batch_on_cards_is_the_last_one_whose_estimate_fits_the_smallest_card()
    {
        var small = Small with { Dataset = new DatasetReference("", 100_000_000) };
        var fitting = MemoryCheck.LargestBatch(
            small, [Cards("a", 80_000_000_000), Cards("b", 24_000_000_000)]).Windows;
        var share = (long)(24_000_000_000 * MemoryCheck.FilledShare);
        Assert.InRange(CardBytes(small, fitting), 1, share);
        Assert.InRange(CardBytes(small, fitting + 1), share + 1, long.MaxValue);
    }

    [Theory]
    [InlineData(100_000_000, 1024, 80, 16)] // What fills a card,
    [InlineData(100_000_000, 256, 80, 64)]
    [InlineData(1_000_000, 256, 80, 30)] // bounded by small datasets: 3,906 windows in 16 steps of 8,
    [InlineData(400_000, 1024, 80, 3)]
    [InlineData(100_000, 1024, 80, null)] // where the default is as good,
    [InlineData(100_000_000, 1024, 4, 1)] // and by the card.
    public void What_nobody_names_fills_a_card(long tokens, int length, int cardGigabytes, int? expected)
    {
        var run = Small with { Dataset = new DatasetReference("", tokens), SequenceLength = length };
        SiloDescription[] silos = [Cards("a", cardGigabytes * 1_000_000_000L)];
        Assert.Equal(expected, MemoryCheck.FillingBatch(run, silos)?.Windows);
        Assert.Null(MemoryCheck.FillingBatch(run, [Silo("b", "m", 200_000_000_000)]));
        Assert.Null(MemoryCheck.FillingBatch(run, [Cards("a", 0)]));
    }

    private static long CardBytes(RunSpecification specification, int windows)
    {
        var run = specification with { BatchSize = windows };
        return CardMemoryEstimate.Of(MemoryEstimate.DemandOf(run, Precision.BFloat16, siloCount: 2)).DeviceBytes;
    }

    private static RunSpecification Small { get; } =
        Large with { Model = new ModelReference("scratch:gpt2", Presets.Scratch("scratch:gpt2").Shape) };

    private static string Refusal(RunSpecification specification, params SiloDescription[] silos) =>
        Assert.Throws<UserErrorException>(() => MemoryCheck.LargestBatch(specification, silos)).Message;

    private static long Bytes(RunSpecification specification, int windows)
    {
        var run = specification with { BatchSize = windows };
        return MemoryEstimate.Of(MemoryEstimate.DemandOf(run, Precision.BFloat16, siloCount: 2)).TotalBytes;
    }

    private static RunSpecification Adapters(RunSpecification specification) => specification with
    {
        Trainable = TrainableParameters.Lora,
        Lora = new LoraOptions { Rank = 8, Alpha = 16 },
    };

    private static SiloDescription Cards(string name, long cardBytes)
    {
        var silo = Silo(name, name, 40_000_000_000);
        return silo with
        {
            Workers = [silo.Workers[0] with { Kind = DeviceKind.Cuda, Name = "a card", CardMemoryBytes = cardBytes }],
        };
    }

    private static SiloDescription Silo(string name, string machine, long memoryBytes) => new()
    {
        Name = name.Silo(),
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
                SiloName = name.Silo(),
                DeviceIndex = 0,
                Kind = DeviceKind.Cpu,
                Name = "",
                Cores = 1,
                BFloat16IsFast = true,
            },
        ],
    };
}

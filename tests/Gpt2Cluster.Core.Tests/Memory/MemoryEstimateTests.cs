using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Memory;

public sealed class MemoryEstimateTests
{
    // GPT-2 124M, all of which is trained.
    private const long Parameters = 124_439_808;

    private static readonly Preset Gpt2 = Presets.Scratch("scratch:gpt2");

    [Fact]
    public void A_machine_has_program_and_exchange_once_a_silo_and_a_gradient_where_several_workers_of_it_are_added()
    {
        var estimate = Estimate(siloCount: 2);
        var perSilo = MemoryEstimate.ProgramBytes + estimate.ExchangeBytes;
        var perWorker = estimate.TotalBytes - perSilo;
        const long gradient = sizeof(float) * Parameters;
        Assert.Equal(perSilo + perWorker, estimate.BytesOf(new MachineWorkers(1, 1)));
        Assert.Equal(2 * estimate.TotalBytes, estimate.BytesOf(new MachineWorkers(2, 2)));
        Assert.Equal((2 * perSilo) + (3 * perWorker) + gradient, estimate.BytesOf(new MachineWorkers(2, 3)));
        Assert.Equal((2 * perSilo) + (6 * perWorker) + (2 * gradient), estimate.BytesOf(new MachineWorkers(2, 6)));
    }

    [Fact]
    public void Without_another_silo_nothing_is_added_up_in_one()
    {
        var estimate = Estimate(siloCount: 1);
        var perSilo = MemoryEstimate.ProgramBytes + estimate.ExchangeBytes;
        Assert.Equal(
            perSilo + (4 * (estimate.TotalBytes - perSilo)), estimate.BytesOf(new MachineWorkers(1, 4)));
    }

    [Fact]
    public void The_largest_batch_is_the_last_that_all_workers_of_a_machine_have_room_for()
    {
        const long available = 60_000_000_000;
        var (demand, workers) = (Demand(siloCount: 2), new MachineWorkers(1, 4));
        var most = MemoryPlace.OfMachine("m", available, workers).LargestBatchSize(demand, share: 1, 4096);
        Assert.InRange(Bytes(most), 1, available);
        Assert.InRange(Bytes(most + 1), available + 1, long.MaxValue);

        long Bytes(int windows) => MemoryEstimate.Of(demand with { BatchSize = windows }).BytesOf(workers);
    }

    private static MemoryEstimate Estimate(int siloCount) => MemoryEstimate.Of(Demand(siloCount));

    private static MemoryDemand Demand(int siloCount) => MemoryEstimate.DemandOf(
        Gpt2.Shape, Presets.FineTuning, 1024, new TrainingScope(TrainableParameters.All), Precision.BFloat16) with
    {
        SiloCount = siloCount,
    };
}

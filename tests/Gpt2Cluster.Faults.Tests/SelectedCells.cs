using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Faults;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Tests;

/// <summary>
/// A fixed selection of the fault matrix: every point and every fault at least once, on both stores. A cell fails if a
/// state hash differs from the undisturbed run's, a committed step is lost or told twice, or the run hangs; nothing
/// here depends on how long something takes.
/// </summary>
public sealed class SelectedCells(SharedStages shared, ITestOutputHelper output) : IClassFixture<SharedStages>
{
    [Theory]
    [InlineData("kill-worker", nameof(FaultPoint.Planning))]
    [InlineData("kill-coordinator", nameof(FaultPoint.Forward))]
    [InlineData("kill-worker", nameof(FaultPoint.Contributing))]
    [InlineData("kill-worker", nameof(FaultPoint.Averaged))]
    [InlineData("kill-coordinator", nameof(FaultPoint.Committing))]
    [InlineData("kill-coordinator", nameof(FaultPoint.Snapshot))]
    [InlineData("kill-worker", nameof(FaultPoint.StateTransfer))]
    [InlineData("kill-coordinator", nameof(FaultPoint.Sampling))]
    [InlineData("kill-two", nameof(FaultPoint.Backward))]
    [InlineData("freeze-store-10s", nameof(FaultPoint.Applied))]
    [InlineData("kill-store-10s", nameof(FaultPoint.Committed))]
    public void The_run_goes_on_with_the_same_bits_beside_a_redis_server(string fault, string point) =>
        Strike(StoreKind.Redis, fault, point);

    [Theory]
    [InlineData("kill-worker-restart", nameof(FaultPoint.Applied))]
    [InlineData("kill-coordinator", nameof(FaultPoint.Planning))]
    [InlineData("kill-coordinator-restart", nameof(FaultPoint.Committed))]
    [InlineData("kill-coordinator", nameof(FaultPoint.Rename))]
    [InlineData("kill-worker", nameof(FaultPoint.Validation))]
    [InlineData("kill-all", nameof(FaultPoint.Fsync))]
    [InlineData("freeze-worker-20s", nameof(FaultPoint.Forward))]
    [InlineData("freeze-coordinator-20s", nameof(FaultPoint.Backward))]
    public void The_run_goes_on_with_the_same_bits_beside_an_embedded_store(string fault, string point) =>
        Strike(StoreKind.Embedded, fault, point);

    private void Strike(StoreKind store, string name, string point)
    {
        Assert.SkipUnless(store == StoreKind.Embedded || RedisServer.IsInstalled, "redis-server is not installed");
        var fault = FaultKinds.All.Single(kind => kind.Name == name);
        output.WriteLine(Outcome.Head);
        output.WriteLine(
            shared.Stages.Strike(store, fault, Enum.Parse<FaultPoint>(point), stepsFromNow: 2, waitsForHash: true).Row);
    }
}

using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Tests;

/// <summary>Cells of the fault matrix beside a <c>redis-server</c>.</summary>
[Collection(SharedStages.Collection)]
public sealed class BesideRedisTests(SharedStages shared, ITestOutputHelper output)
{
    [Theory]
    [InlineData("kill-worker", FaultPoint.Planning)]
    [InlineData("kill-coordinator", FaultPoint.Forward)]
    [InlineData("kill-worker", FaultPoint.Contributing)]
    [InlineData("kill-worker", FaultPoint.Averaged)]
    [InlineData("kill-coordinator", FaultPoint.Committing)]
    [InlineData("kill-coordinator", FaultPoint.Snapshot)]
    [InlineData("kill-worker", FaultPoint.StateTransfer)]
    [InlineData("kill-coordinator", FaultPoint.Sampling)]
    [InlineData("kill-two", FaultPoint.Backward)]
    [InlineData("freeze-store-10s", FaultPoint.Applied)]
    [InlineData("kill-store-10s", FaultPoint.Committed)]
    public void The_run_goes_on_with_the_same_bits(string fault, FaultPoint point) =>
        shared.Strike(StoreKind.Redis, fault, point, output);
}

using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Tests;

/// <summary>Cells of the fault matrix where the first silo hosts the store.</summary>
[Collection(SharedStages.Collection)]
public sealed class BesideAnEmbeddedStoreTests(SharedStages shared, ITestOutputHelper output)
{
    [Theory]
    [InlineData("kill-worker-restart", FaultPoint.Applied)]
    [InlineData("kill-coordinator", FaultPoint.Planning)]
    [InlineData("kill-coordinator-restart", FaultPoint.Committed)]
    [InlineData("kill-coordinator", FaultPoint.Rename)]
    [InlineData("kill-worker", FaultPoint.Validation)]
    [InlineData("kill-all", FaultPoint.Fsync)]
    [InlineData("freeze-worker-20s", FaultPoint.Forward)]
    [InlineData("freeze-coordinator-20s", FaultPoint.Backward)]
    [InlineData("truncated-checkpoint", FaultPoint.Applied)]
    [InlineData("bit-flipped-checkpoint", FaultPoint.Averaged)]
    public void The_run_goes_on_with_the_same_bits(string fault, FaultPoint point) =>
        shared.Strike(StoreKind.Embedded, fault, point, output);
}

using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Tests;

/// <summary>
/// Cells of the fault matrix for runs that train adapters: the base is no part of what they exchange.
/// </summary>
[Collection(Collection)]
public sealed class AdapterTests(SharedAdapterStages shared, ITestOutputHelper output)
{
    /// <summary>The tests that share the clusters.</summary>
    public const string Collection = "fault matrix, adapters";

    [Theory]
    [InlineData("kill-worker-restart", FaultPoint.Applied)]
    [InlineData("kill-worker", FaultPoint.Backward)]
    [InlineData("kill-coordinator-restart", FaultPoint.Committed)]
    [InlineData("kill-all", FaultPoint.Fsync)]
    [InlineData("bit-flipped-checkpoint", FaultPoint.Averaged)]
    public void The_run_goes_on_with_the_same_bits(string fault, FaultPoint point) =>
        shared.Strike(StoreKind.Embedded, fault, point, output);
}

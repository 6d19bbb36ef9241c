using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Tests;

/// <summary>Cells of the fault matrix on networks of the silos' own, and on small disks.</summary>
[Collection(SharedStages.Collection)]
public sealed class NetworksAndDisksTests(SharedStages shared, ITestOutputHelper output)
{
    [Theory]
    [InlineData("cut-worker-15s", FaultPoint.Contributing)]
    [InlineData("cut-one-way-coordinator-15s", FaultPoint.Forward)]
    [InlineData("lossy-worker-15s", FaultPoint.Backward)]
    [InlineData("isolate-coordinator-15s", FaultPoint.Planning)]
    public void A_cut_network_leaves_the_bits_as_they_are(string fault, FaultPoint point) =>
        shared.Strike(StoreKind.Redis, fault, point, output);

    [Fact]
    public void A_full_disk_is_told_and_leaves_the_bits_as_they_are() =>
        shared.Strike(StoreKind.Embedded, "full-disk", FaultPoint.Snapshot, output);
}

using Gpt2Cluster.Compute;
using Gpt2Cluster.Compute.Torch;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Workers.Replicas;
using TorchSharp;

namespace Gpt2Cluster.Grains.Tests.Checkpoints;

/// <summary>
/// Checkpoints of a replica of the torch backend, whose memory no pointer reaches: it goes on while they are written.
/// </summary>
public sealed class CardCheckpointTests
{
    private const long Step = 3;

    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    /// <summary>Of more than one piece, the last of them shorter.</summary>
    private static readonly ModelShape Shape = new(5000, 16, 256, 2, 1);

    [Theory]
    [InlineData(OptimizerKind.AdamW)]
    [InlineData(OptimizerKind.Sgd)]
    public void A_snapshot_on_the_device_becomes_the_files_of_one_in_host_memory(OptimizerKind optimizer)
    {
        var specification = Specifications.Small(Shape) with { Optimizer = new OptimizerOptions(optimizer) };
        using var replica = New(specification);
        Assert.True(StateHash.PieceCount(replica.Layout.Length) > 1);
        ReplicaPart[] parts =
            optimizer == OptimizerKind.AdamW ? Enum.GetValues<ReplicaPart>() : [ReplicaPart.Parameters];
        using var onHost = HostSnapshot.Take(replica, parts);
        using var onDevice = replica.Snapshot();
        Assert.IsNotType<HostSnapshot>(onDevice);
        var hash = HashOf(replica);
        Update(replica, Step + 1);
        Assert.NotEqual(hash, HashOf(replica));

        using var expected = new StoredRuns("a");
        using var found = new StoredRuns("b");
        var manifest = found.Write(onDevice, Step, specification);
        Assert.Equal(hash, manifest.StateHash);
        Assert.Equal(expected.Write(onHost, Step, specification).Files, manifest.Files);
        foreach (var file in manifest.Files)
            Assert.Equal(Bytes(expected, file), Bytes(found, file));
    }

    [Fact]
    public async Task It_is_written_while_the_replica_goes_on_and_after_it_is_gone()
    {
        using var stored = new StoredRuns("a");
        var specification = Specifications.Small(Shape);
        var writer = new CheckpointWriter("a/0".Worker(), stored.Store, TimeProvider.System);
        var outcome = new TaskCompletionSource<CoordinatorInput>(TaskCreationOptions.RunContinuationsAsynchronously);
        string hash;
        using (var replica = New(specification))
        {
            hash = HashOf(replica);
            var record = new RunRecord { Specification = specification };
            await writer.Write(replica, record, StoredRuns.Order(Step), outcome.SetResult);
            Update(replica, Step + 1);
        }

        var written = await outcome.Task.WaitAsync(Bound, TestContext.Current.CancellationToken);
        Assert.Equal(hash, Assert.IsType<CheckpointWritten>(written).StateHash);
    }

    private static byte[] Bytes(StoredRuns stored, CheckpointFile file) =>
        File.ReadAllBytes(Path.Combine(stored.Store.FolderOf("run1".Run(), Step), file.Name));

    private static string HashOf(IReplica replica)
    {
        byte[] Pieces(ReplicaPart part) =>
            ReplicaPieces.Of(replica, part, 0, StateHash.PieceCount(replica.Layout.Length));
        return StateHash.Combine(
            Step, Pieces(ReplicaPart.Parameters), Pieces(ReplicaPart.FirstMoments), Pieces(ReplicaPart.SecondMoments));
    }

    private static Replica New(RunSpecification specification)
    {
        var options = new ReplicaOptions
        {
            Shape = Shape,
            Precision = Precision.Float32,
            Optimizer = specification.Optimizer,
        };
        var replica = new Replica(options, new TorchBackend(Precision.Float32, 1, torch.CPU));
        replica.Initialize(7);
        Update(replica, Step);
        return replica;
    }

    /// <summary>A step with averages that nobody computed.</summary>
    private static void Update(Replica replica, long step)
    {
        using var averages = FlatBuffer.Allocate(replica.Layout.Length);
        for (var element = 0L; element < averages.Length; element++)
            averages.Floats(element, 1)[0] = ((element + step) % 13) - 5;
        replica.Apply(averages, step, 1e-3, 1);
    }
}

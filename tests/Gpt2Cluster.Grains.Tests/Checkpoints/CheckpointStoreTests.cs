using System.Text.Json;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Grains.Tests.Workers;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gpt2Cluster.Grains.Tests.Checkpoints;

public sealed class CheckpointStoreTests : IDisposable
{
    private static readonly ModelShape Shape = new(300, 16, 8, 2, 2);

    private readonly string data = Directory.CreateTempSubdirectory("checkpoints").FullName;
    private readonly CheckpointStore store;
    private readonly RunSpecification specification = Specifications.Small(Shape);

    public CheckpointStoreTests()
    {
        var silo = new SiloContext
        {
            Name = "a",
            DataFolder = data,
            DataFolderId = "1",
            MachineName = "m",
            AdvertisedHost = "127.0.0.1",
            HttpAddress = "127.0.0.1:0",
            SiloPort = 0,
            GatewayPort = 0,
            Replicas = null!,
            Stripes = null!,
        };
        store = new CheckpointStore(silo, null!, NullLogger<CheckpointStore>.Instance);
    }

    public void Dispose() => Directory.Delete(data, recursive: true);

    [Fact]
    public void What_is_loaded_is_what_was_written()
    {
        using var written = Replica(seed: 5);
        var manifest = Write(written, step: 12);
        using var loaded = new FakeReplica(Shape);

        store.Load(loaded, "run1", 12, [], CancellationToken.None);

        Assert.Equal(12, loaded.Step);
        foreach (var part in Enum.GetValues<ReplicaPart>())
            Assert.Equal(Elements(written, part), Elements(loaded, part));
        Assert.Equal(manifest.StateHash, store.ManifestOf("run1", 12).StateHash);
    }

    [Fact]
    public void Sgd_writes_no_moments_and_hashes_them_as_zeros()
    {
        using var replica = Replica(seed: 5);
        var sgd = specification with { Optimizer = new OptimizerOptions(OptimizerKind.Sgd) };
        var manifest = Write(replica, step: 3, sgd);
        Assert.Equal(["parameters.safetensors"], manifest.Files.Select(file => file.Name));
        Assert.Equal(Convert.ToHexStringLower(StateHash.ZeroPieces(replica.Layout.Length)), manifest.FirstMomentPieces);
    }

    [Theory]
    [InlineData("parameters.safetensors", 5000)]
    [InlineData("second-moments.safetensors", -4)]
    public void A_flipped_bit_is_found_and_the_checkpoint_set_aside(string file, int position)
    {
        using var replica = Replica(seed: 5);
        Write(replica, step: 12);
        var path = Path.Combine(store.FolderOf("run1", 12), file);
        var bytes = File.ReadAllBytes(path);
        bytes[position < 0 ? bytes.Length + position : position] ^= 1;
        File.WriteAllBytes(path, bytes);

        AssertSetAside();
    }

    [Fact]
    public void A_truncated_file_is_found_and_the_checkpoint_set_aside()
    {
        using var replica = Replica(seed: 5);
        Write(replica, step: 12);
        var path = Path.Combine(store.FolderOf("run1", 12), "parameters.safetensors");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^100]);

        AssertSetAside();
    }

    [Fact]
    public void A_missing_manifest_is_a_damaged_checkpoint()
    {
        using var replica = Replica(seed: 5);
        Write(replica, step: 12);
        File.Delete(Path.Combine(store.FolderOf("run1", 12), CheckpointManifest.FileName));

        AssertSetAside();
    }

    [Fact]
    public void The_same_step_may_be_written_again()
    {
        using var first = Replica(seed: 5);
        using var second = Replica(seed: 6);
        Write(first, step: 12);
        var again = Write(second, step: 12);
        Assert.Equal(again.StateHash, store.ManifestOf("run1", 12).StateHash);
        Assert.Equal([12L], store.StepsOf("run1"));
    }

    [Fact]
    public void Expired_checkpoints_are_deleted_and_the_newest_comes_first()
    {
        using var replica = Replica(seed: 5);
        foreach (var step in new[] { 1, 2, 3 })
            Write(replica, step);
        store.Delete("run1", [1, 99]);
        Assert.Equal([3L, 2L], store.StepsOf("run1"));
    }

    private static FakeReplica Replica(ulong seed)
    {
        var replica = new FakeReplica(Shape);
        replica.Initialize(seed);
        return replica;
    }

    private static float[] Elements(FakeReplica replica, ReplicaPart part)
    {
        var elements = new float[replica.Layout.Length];
        replica.Read(part, 0, elements);
        return elements;
    }

    private CheckpointManifest Write(FakeReplica replica, long step, RunSpecification? other = null)
    {
        var plan = new CheckpointPlan
        {
            Run = "run1",
            Generation = 1,
            Step = step,
            RecordJson = JsonSerializer.Serialize(
                new RunRecord { Specification = specification }, SpecificationJson.Options),
        };
        using var snapshot = ReplicaSnapshot.Take(replica, (other ?? specification).Optimizer.Kind);
        return store.Publish(snapshot, specification, plan);
    }

    private void AssertSetAside()
    {
        using var replica = new FakeReplica(Shape);
        var damage = Assert.Throws<DamagedCheckpointException>(
            () => store.Load(replica, "run1", 12, [], CancellationToken.None));
        Assert.Equal(12, damage.Step);
        Assert.False(Directory.Exists(store.FolderOf("run1", 12)));
        Assert.True(Directory.Exists(store.FolderOf("run1", 12) + ".damaged"));
    }
}

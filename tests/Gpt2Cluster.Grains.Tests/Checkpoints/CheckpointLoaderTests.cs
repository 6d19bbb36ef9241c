using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Core.Workers;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Tests.Workers;

namespace Gpt2Cluster.Grains.Tests.Checkpoints;

/// <summary>Silo a loads what silo b has written; c is a third one.</summary>
public sealed class CheckpointLoaderTests : IDisposable
{
    private static readonly ModelShape Shape = new(300, 16, 8, 2, 2);

    private readonly StoredRuns a = new("a");
    private readonly StoredRuns b = new("b");
    private readonly StoredRuns c = new("c");
    private readonly FakeReplica written = new(Shape);
    private readonly FakeReplica replica = new(Shape);
    private readonly CheckpointEntry entry;

    public CheckpointLoaderTests()
    {
        written.Initialize(seed: 5);
        entry = b.Entry(b.Write(written, step: 12, Specifications.Small(Shape)));
    }

    public void Dispose()
    {
        foreach (var silo in new[] { a, b, c })
            silo.Dispose();
        written.Dispose();
        replica.Dispose();
    }

    [Fact]
    public void What_lies_on_another_disk_is_brought_here()
    {
        Load(new FakePeers(a, c, b));
        AssertLoaded();
        Assert.Equal([12L], a.Store.StepsOf("run1".Run()));
    }

    [Fact]
    public void A_bad_copy_here_is_set_aside_and_a_good_one_brought()
    {
        Copy(b, a);
        a.FlipBit(12, "parameters.safetensors", 5000);
        Load(new FakePeers(a, b));
        AssertLoaded();
        Assert.True(Directory.Exists(a.Store.FolderOf("run1".Run(), 12) + ".damaged"));
    }

    [Fact]
    public void A_copy_whose_manifest_does_not_have_its_checksum_is_set_aside_and_a_good_one_brought()
    {
        Copy(b, a);
        a.Rot(12, "\"committed_step\":0", "\"committed_step\":1");
        Load(new FakePeers(a, b));
        AssertLoaded();
        Assert.True(Directory.Exists(a.Store.FolderOf("run1".Run(), 12) + ".damaged"));
    }

    [Fact]
    public void A_manifest_that_has_its_checksum_nowhere_makes_the_checkpoint_damaged()
    {
        b.Rot(12, "\"committed_step\":0", "\"committed_step\":1");
        Assert.Equal(
            new WorkerFailure("the manifest does not have its checksum", FailureKind.CheckpointDamaged, 12),
            Failure(b, new FakePeers(b), entry));
    }

    [Fact]
    public void One_that_was_to_be_replaced_when_the_process_was_killed_is_put_back_and_loaded()
    {
        Copy(b, a);
        Directory.Move(a.Store.FolderOf("run1".Run(), 12), a.Store.FolderOf("run1".Run(), 12) + ".replaced");
        Load(new FakePeers(a));
        AssertLoaded();
    }

    [Fact]
    public void A_copy_of_another_life_of_the_run_is_set_aside_and_the_right_one_brought()
    {
        using var other = new FakeReplica(Shape);
        other.Initialize(seed: 6);
        a.Write(other, step: 12, Specifications.Small(Shape));
        Load(new FakePeers(a, b));
        AssertLoaded();
    }

    [Fact]
    public void Without_the_silo_that_wrote_it_it_is_out_of_reach_and_not_lost() =>
        AssertUnreachable(new FakePeers(a, c), entry);

    [Fact]
    public void A_bad_copy_here_says_nothing_of_the_one_that_is_out_of_reach()
    {
        Copy(b, a);
        a.FlipBit(12, "parameters.safetensors", 5000);
        AssertUnreachable(new FakePeers(a, c), entry);
    }

    [Fact]
    public void A_copy_that_fails_on_its_way_is_out_of_reach()
    {
        var peers = new FakePeers(a, b) { Mute = { "b" } };
        AssertUnreachable(peers, entry);
        Assert.Equal("it could not be copied from silo b: no answer", Failure(a, peers, entry).Reason);
    }

    [Fact]
    public void Without_an_answer_of_the_cluster_it_is_out_of_reach() =>
        AssertUnreachable(new FakePeers(a, b) { HasCluster = false }, entry);

    [Fact]
    public void Bad_on_the_disk_that_it_was_written_to_it_is_damaged()
    {
        b.FlipBit(12, "second-moments.safetensors", -4);
        AssertDamaged(a, new FakePeers(a, b, c), entry);
    }

    [Fact]
    public void Gone_from_the_disk_of_the_silo_that_wrote_it_it_is_damaged()
    {
        Directory.Delete(b.Store.FolderOf("run1".Run(), 12), recursive: true);
        AssertDamaged(a, new FakePeers(a, b), entry);
    }

    [Fact]
    public void Bad_where_it_was_written_it_is_loaded_from_whoever_has_copied_it()
    {
        Copy(b, c);
        b.FlipBit(12, "parameters.safetensors", 5000);
        Load(new FakePeers(a, b, c), entry with { Copies = [new("c".Silo(), c.Silo.DataFolderId)] });
        AssertLoaded();
    }

    [Fact]
    public void Bad_where_it_was_written_it_is_not_damaged_while_a_copy_is_out_of_reach()
    {
        Copy(b, c);
        b.FlipBit(12, "parameters.safetensors", 5000);
        var copied = entry with { Copies = [new("c".Silo(), c.Silo.DataFolderId)] };
        AssertUnreachable(new FakePeers(a, b), copied);
        c.FlipBit(12, "parameters.safetensors", 5000);
        AssertDamaged(a, new FakePeers(a, b, c), copied);
    }

    [Fact]
    public void A_silo_that_shares_the_folder_of_the_one_that_wrote_it_need_not_wait_for_it() =>
        AssertDamaged(a, new FakePeers(a), entry with { DataFolderId = a.Silo.DataFolderId });

    [Fact]
    public void A_disk_that_gives_nothing_now_is_out_of_reach_and_its_copy_stays_where_it_is()
    {
        Copy(b, a);
        var folder = a.Store.FolderOf("run1".Run(), 12);
        var manifest = Path.Combine(folder, "manifest.json");
        File.Move(manifest, manifest + ".away");
        Directory.CreateDirectory(manifest);
        var onlyHere = entry with { Silo = "a".Silo(), DataFolderId = a.Silo.DataFolderId };
        AssertUnreachable(new FakePeers(a, c), onlyHere);
        Assert.True(Directory.Exists(folder));
        Directory.Delete(manifest);
        File.Move(manifest + ".away", manifest);
        Load(new FakePeers(a, c), onlyHere);
        AssertLoaded();
    }

    [Fact]
    public void What_cannot_be_read_here_is_brought_from_another_disk()
    {
        Copy(b, a);
        var manifest = Path.Combine(a.Store.FolderOf("run1".Run(), 12), "manifest.json");
        File.Delete(manifest);
        Directory.CreateDirectory(manifest);
        Load(new FakePeers(a, b));
        AssertLoaded();
    }

    private static void Copy(StoredRuns from, StoredRuns to) =>
        new FakePeers(to, from).Bring(CheckpointStore.RelativeFolderOf("run1".Run(), 12), from.Silo.Name).WaitHere();

    private void Load(FakePeers peers) => Load(a, peers, entry);

    private void Load(FakePeers peers, CheckpointEntry checkpoint) => Load(a, peers, checkpoint);

    private void Load(StoredRuns silo, FakePeers peers, CheckpointEntry checkpoint) =>
        BlockingWait.RunHere(() => new CheckpointLoader(silo.Silo, silo.Store, peers)
            .Load(replica, "run1".Run(), checkpoint, CancellationToken.None));

    private WorkerFailure Failure(StoredRuns silo, FakePeers peers, CheckpointEntry checkpoint) =>
        Assert.Throws<CheckpointLoadException>(() => Load(silo, peers, checkpoint)).Failure;

    private void AssertDamaged(StoredRuns silo, FakePeers peers, CheckpointEntry checkpoint)
    {
        var failure = Failure(silo, peers, checkpoint);
        Assert.Equal((FailureKind.CheckpointDamaged, 12), (failure.Kind, failure.Step));
    }

    private void AssertUnreachable(FakePeers peers, CheckpointEntry checkpoint)
    {
        var failure = Failure(a, peers, checkpoint);
        Assert.Equal((FailureKind.CheckpointUnreachable, 12), (failure.Kind, failure.Step));
    }

    private void AssertLoaded()
    {
        Assert.Equal(12, replica.Step);
        foreach (var part in Enum.GetValues<ReplicaPart>())
        {
            var (expected, found) = (new float[replica.Layout.Length], new float[replica.Layout.Length]);
            written.Read(part, 0, expected);
            replica.Read(part, 0, found);
            Assert.Equal(expected, found);
        }
    }
}

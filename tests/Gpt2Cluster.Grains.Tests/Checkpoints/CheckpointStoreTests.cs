using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Tests.Workers;

namespace Gpt2Cluster.Grains.Tests.Checkpoints;

public sealed class CheckpointStoreTests : IDisposable
{
    private static readonly ModelShape Shape = new(300, 16, 8, 2, 2);

    private readonly StoredRuns stored = new("a");
    private readonly RunSpecification specification = Specifications.Small(Shape);

    private CheckpointStore Store => stored.Store;

    public void Dispose() => stored.Dispose();

    [Fact]
    public void What_is_read_is_what_was_written()
    {
        using var written = Replica(seed: 5);
        var manifest = Write(written, step: 12);
        using var read = new FakeReplica(Shape);

        Read(read, manifest.StateHash);

        foreach (var part in Enum.GetValues<ReplicaPart>())
            Assert.Equal(Elements(written, part), Elements(read, part));
        Assert.Equal(manifest.StateHash, Store.ManifestOf("run1".Run(), 12).StateHash);
    }

    [Fact]
    public void Sgd_writes_no_moments_and_hashes_them_as_zeros()
    {
        using var replica = Replica(seed: 5);
        replica.HasMoments = false;
        var sgd = specification with { Optimizer = new OptimizerOptions(OptimizerKind.Sgd) };
        var manifest = Write(replica, step: 3, sgd);
        Assert.Equal(["parameters.safetensors"], manifest.Files.Select(file => file.Name));
        Assert.Equal(Convert.ToHexStringLower(StateHash.ZeroPieces(replica.Layout.Length)), manifest.FirstMomentPieces);
    }

    [Theory]
    [InlineData("parameters.safetensors", 5000)]
    [InlineData("second-moments.safetensors", -4)]
    public void A_flipped_bit_is_found(string file, int position)
    {
        using var replica = Replica(seed: 5);
        var hash = Write(replica, step: 12).StateHash;
        stored.FlipBit(12, file, position);
        Assert.Throws<InvalidDataException>(() => Read(replica, hash));
    }

    [Fact]
    public void A_truncated_file_is_found()
    {
        using var replica = Replica(seed: 5);
        var hash = Write(replica, step: 12).StateHash;
        var path = Path.Combine(Store.FolderOf("run1".Run(), 12), "parameters.safetensors");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^100]);
        Assert.Throws<UserErrorException>(() => Read(replica, hash));
    }

    [Fact]
    public void A_missing_manifest_is_found()
    {
        using var replica = Replica(seed: 5);
        var hash = Write(replica, step: 12).StateHash;
        File.Delete(Path.Combine(Store.FolderOf("run1".Run(), 12), CheckpointManifest.FileName));
        Assert.Throws<FileNotFoundException>(() => Read(replica, hash));
    }

    [Fact]
    public void A_sound_checkpoint_of_another_life_of_the_run_is_found()
    {
        using var replica = Replica(seed: 5);
        var hash = Write(replica, step: 12).StateHash;
        using var other = Replica(seed: 6);
        Write(other, step: 12);
        Assert.Throws<InvalidDataException>(() => Read(replica, hash));
    }

    [Fact]
    public void A_checkpoint_of_another_life_of_the_run_makes_room_for_a_copy()
    {
        using var replica = Replica(seed: 5);
        var hash = Write(replica, step: 12).StateHash;
        Store.SetOthersAside(CheckpointStore.RelativeFolderOf("run1".Run(), 12), hash);
        Assert.Equal([12L], Store.StepsOf("run1".Run()));

        Store.SetOthersAside(CheckpointStore.RelativeFolderOf("run1".Run(), 12), new string('0', 64));
        Assert.Empty(Store.StepsOf("run1".Run()));
        Assert.True(Directory.Exists(Store.FolderOf("run1".Run(), 12) + ".damaged"));
    }

    [Fact]
    public void What_cannot_be_opened_is_not_listed()
    {
        using var replica = Replica(seed: 5);
        Write(replica, step: 12);
        var manifest = Path.Combine(Store.FolderOf("run1".Run(), 14), CheckpointManifest.FileName);
        Directory.CreateDirectory(manifest);
        Assert.Throws<UnauthorizedAccessException>(() => File.ReadAllText(manifest));
        Assert.Equal([12L], Store.List("run1".Run()).Select(found => found.Entry.Step));
    }

    [Theory]
    [InlineData("../elsewhere")]
    [InlineData("/elsewhere")]
    [InlineData("..")]
    public void A_name_that_leads_out_of_the_folder_is_refused(string run) =>
        Assert.Throws<UserErrorException>(() => Store.FolderOf(run.Run(), 1));

    [Fact]
    public void The_same_step_may_be_written_again()
    {
        using var first = Replica(seed: 5);
        using var second = Replica(seed: 6);
        Write(first, step: 12);
        var again = Write(second, step: 12);
        Assert.Equal(again.StateHash, Store.ManifestOf("run1".Run(), 12).StateHash);
        Assert.Equal([12L], Store.StepsOf("run1".Run()));
    }

    [Fact]
    public void One_that_was_to_be_replaced_by_a_process_that_was_killed_is_found()
    {
        using var replica = Replica(seed: 5);
        var written = Write(replica, step: 12);
        Directory.Move(Store.FolderOf("run1".Run(), 12), Store.FolderOf("run1".Run(), 12) + ".replaced");
        var found = Assert.Single(Store.List("run1".Run()));
        Assert.Equal((12L, written.StateHash), (found.Entry.Step, found.Entry.StateHash));
        using var read = new FakeReplica(Shape);
        Read(read, written.StateHash);
    }

    /// <summary>The name of its successor may not be safe on the disk yet, and whoever moved it still writes.</summary>
    [Fact]
    public void One_that_was_moved_out_of_the_way_is_not_removed_by_who_looks_for_checkpoints()
    {
        using var replica = Replica(seed: 5);
        Write(replica, step: 12);
        var aside = Store.FolderOf("run1".Run(), 12) + ".replaced";
        Directory.CreateDirectory(aside);
        Assert.Equal(12, Assert.Single(Store.List("run1".Run())).Entry.Step);
        Assert.True(Directory.Exists(aside));
    }

    [Fact]
    public void One_that_is_put_back_while_it_is_being_replaced_is_replaced_all_the_same()
    {
        using var first = Replica(seed: 5);
        Write(first, step: 12);
        using var second = Replica(seed: 6);
        var target = Store.FolderOf("run1".Run(), 12);
        var putBackCount = 0;
        var again = AtRename(
            () => Write(second, step: 12),
            () =>
            {
                if (putBackCount++ == 0)
                    Directory.Move(target + ".replaced", target);
            });
        Assert.Equal(2, putBackCount);
        Assert.Equal(again.StateHash, Store.ManifestOf("run1".Run(), 12).StateHash);
        Assert.Equal([target], Directory.GetDirectories(Path.GetDirectoryName(target)!));
    }

    [Fact]
    public void One_whose_successor_cannot_be_published_stays()
    {
        using var first = Replica(seed: 5);
        var old = Write(first, step: 12);
        using var second = Replica(seed: 6);
        Assert.Throws<IOException>(() => AtRename(
            () => Write(second, step: 12), () => throw new IOException("the disk is full")));
        Assert.Equal(old.StateHash, Store.ManifestOf("run1".Run(), 12).StateHash);
    }

    [Fact]
    public void A_manifest_with_a_flipped_bit_is_not_listed()
    {
        using var replica = Replica(seed: 5);
        Write(replica, step: 12);
        Write(replica, step: 14);
        stored.Rot(14, "\"committed_step\":0", "\"committed_step\":1");
        Assert.Equal([12L], Store.List("run1".Run()).Select(found => found.Entry.Step));
    }

    [Fact]
    public void All_but_the_kept_and_what_is_newer_than_they_are_deleted()
    {
        using var replica = Replica(seed: 5);
        foreach (var step in new[] { 1, 2, 3, 4, 5 })
            Write(replica, step);
        Store.DeleteAllBut("run1".Run(), [], []);
        Assert.Equal([5L, 4L, 3L, 2L, 1L], Store.StepsOf("run1".Run()));
        Store.DeleteAllBut("run1".Run(), [2, 4], []);
        Assert.Equal([5L, 4L, 2L], Store.StepsOf("run1".Run()));
    }

    [Fact]
    public void Of_the_copies_set_aside_the_newest_few_are_kept()
    {
        using var replica = Replica(seed: 5);
        foreach (var step in new[] { 4, 8, 12, 16, 20, 24 })
            Write(replica, step);
        foreach (var step in new[] { 8, 12, 16, 20 })
            Store.SetAside("run1".Run(), step, new IOException("bits have rotted"));
        Assert.Equal([12L, 16L, 20L], SetAside());

        // The one that is set aside now is one of them, however old it is.
        Store.SetAside("run1".Run(), 4, new IOException("bits have rotted"));
        Assert.Equal([4L, 16L, 20L], SetAside());
        Assert.Equal([24L], Store.StepsOf("run1".Run()));
    }

    [Fact]
    public void A_copy_that_two_workers_find_bad_is_set_aside_once()
    {
        using var replica = Replica(seed: 5);
        Write(replica, step: 12);
        Store.SetAside("run1".Run(), 12, new IOException("the first worker's finding"));
        Store.SetAside("run1".Run(), 12, new IOException("the second worker's finding"));
        Assert.Equal([12L], SetAside());
    }

    /// <summary>Writes, and does something when the place of the checkpoint is free for the new one.</summary>
    private static CheckpointManifest AtRename(Func<CheckpointManifest> write, Action reached)
    {
        var isHere = new AsyncLocal<bool> { Value = true };
        FaultPoints.Listen((point, _) =>
        {
            // Other tests write checkpoints too.
            if (point == FaultPoint.Rename && isHere.Value)
                reached();
        });
        try
        {
            return write();
        }
        finally
        {
            FaultPoints.Listen(null);
        }
    }

    /// <summary>The steps that lie beside their places.</summary>
    private long[] SetAside() =>
    [
        .. Directory.EnumerateDirectories(Path.GetDirectoryName(Store.FolderOf("run1".Run(), 1))!, "*.damaged")
            .Select(folder => long.Parse(Path.GetFileNameWithoutExtension(folder)))
            .Order(),
    ];

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

    private CheckpointManifest Write(FakeReplica replica, long step, RunSpecification? other = null) =>
        stored.Write(replica, step, other ?? specification);

    private void Read(FakeReplica replica, string hash) => Store.Read(
        "run1".Run(),
        new CheckpointEntry(12, hash, "a".Silo(), "", null),
        Enum.GetValues<ReplicaPart>(),
        (part, _, start, values) => replica.Write(part, start, values),
        CancellationToken.None);
}

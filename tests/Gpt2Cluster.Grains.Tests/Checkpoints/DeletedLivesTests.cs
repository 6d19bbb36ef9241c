using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Tests.Workers;

namespace Gpt2Cluster.Grains.Tests.Checkpoints;

/// <summary>Checkpoints of a run that was deleted go; those of another run that has the name by now stay.</summary>
public sealed class DeletedLivesTests : IDisposable
{
    private static readonly ModelShape Shape = new(300, 16, 8, 2, 2);

    private readonly StoredRuns stored = new("a");
    private readonly RunSpecification specification = Specifications.Small(Shape);

    private CheckpointStore Store => stored.Store;

    private string RunFolder => Path.Combine(stored.Silo.DataFolder, "runs", "run1");

    public void Dispose() => stored.Dispose();

    [Fact]
    public void All_of_a_deleted_run_goes_what_is_damaged_included_and_its_folder_too()
    {
        Write(2, "old");
        Write(4, "old");
        Write(6, "old");
        Store.SetAside("run1".Run(), 2, new IOException("bits have rotted"));
        Directory.Move(Store.FolderOf("run1".Run(), 6), Store.FolderOf("run1".Run(), 6) + ".replaced");
        stored.FlipBit(4, CheckpointManifest.FileName, 30);
        Assert.True(Store.RemoveLives("run1".Run(), ["old"], isNameFree: true) > 0);
        Assert.False(Directory.Exists(RunFolder));
    }

    [Fact]
    public void Those_of_the_next_run_of_the_name_stay()
    {
        Write(2, "old");
        Write(4, "next");
        Write(6, "next");
        stored.FlipBit(6, CheckpointManifest.FileName, 30);
        Store.RemoveLives("run1".Run(), ["old"], isNameFree: false);
        Assert.Equal([6L, 4L], Store.StepsOf("run1".Run()));
        Assert.Equal(0, Store.RemoveLives("run1".Run(), ["old"], isNameFree: false));
    }

    [Fact]
    public void Of_a_run_without_a_life_only_what_its_catalogue_names_goes()
    {
        using var replica = new FakeReplica(Shape);
        replica.Initialize(5);
        var own = stored.Entry(stored.Write(replica, 2, specification));
        stored.Write(replica, 4, specification);
        stored.Write(replica, 6, specification);
        Write(8, "next");
        Store.RemoveLives("run1".Run(), [""], isNameFree: true);
        Assert.Equal([8L, 6L, 4L, 2L], Store.StepsOf("run1".Run()));
        CheckpointEntry[] catalogue =
        [
            own, own with { Step = 4, StateHash = "another" }, stored.Entry(Store.ManifestOf("run1".Run(), 8)),
        ];
        Assert.True(Store.RemoveUnnamed("run1".Run(), catalogue) > 0);
        Assert.Equal([8L, 6L, 4L], Store.StepsOf("run1".Run()));
        Assert.Equal(0, Store.RemoveUnnamed("run1".Run(), catalogue));
    }

    [Fact]
    public void One_that_takes_the_place_of_what_was_looked_at_is_put_back()
    {
        Write(2, "old");
        var seen = Assert.Single(Store.Things("run1".Run()));
        Write(2, "next");
        Assert.False(Store.Remove(seen));
        Assert.Equal("next", Assert.Single(Store.Things("run1".Run())).Life);
    }

    [Fact]
    public void What_is_being_written_is_not_looked_at()
    {
        Directory.CreateDirectory(Path.Combine(RunFolder, "checkpoints", ".00000002.0f.partial"));
        Assert.Empty(Store.Things("run1".Run()));
        Assert.Equal(0, Store.RemoveLives("run1".Run(), ["old"], isNameFree: true));
        Assert.True(Directory.Exists(RunFolder));
    }

    [Fact]
    public void What_expires_of_one_run_is_not_what_another_one_of_the_name_wrote_there()
    {
        Write(2, "now");
        Write(4, "next");
        Write(6, "before");
        Write(8, "now");
        stored.FlipBit(8, CheckpointManifest.FileName, 30);
        Write(10, "now");
        File.Delete(Path.Combine(Store.FolderOf("run1".Run(), 10), CheckpointManifest.FileName));
        Write(12, "now");
        Store.DeleteAllBut("run1".Run(), [12], ["now", "before"]);
        Assert.Equal([12L, 8L, 4L], Store.StepsOf("run1".Run()));
    }

    /// <summary>A disk that fails now, and what a newer version wrote, say nothing of whose it is.</summary>
    [Fact]
    public void What_cannot_be_read_now_is_not_taken_for_a_deleted_runs()
    {
        Write(2, "old");
        Write(4, "old");
        Write(6, "old");
        var hidden = Path.Combine(Store.FolderOf("run1".Run(), 2), CheckpointManifest.FileName);
        File.Delete(hidden);
        Directory.CreateDirectory(hidden);
        stored.Rot(4, "\"format\":1", "\"format\":2");
        Assert.Equal([true, true, false], Store.Things("run1".Run()).Select(thing => thing.IsUnreadable));
        Assert.True(Store.RemoveLives("run1".Run(), ["old"], isNameFree: true) > 0);
        Store.DeleteAllBut("run1".Run(), [8], ["old"]);
        Assert.Equal([4L, 2L], Store.StepsOf("run1".Run()));
    }

    private void Write(long step, string life)
    {
        using var replica = new FakeReplica(Shape);
        replica.Initialize(5);
        stored.Write(replica, step, specification, life);
    }
}

using Gpt2Cluster.Data.Storage;

namespace Gpt2Cluster.Data.Tests.Storage;

public sealed class RemovedFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string Place => folder.File("place");

    private string Parent => Path.GetDirectoryName(Place)!;

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_folder_goes_whole_and_leaves_nothing_beside_it()
    {
        Fill();
        Assert.Equal(6, RemovedFolder.BytesOf(Place));
        Assert.True(RemovedFolder.Remove(Place));
        Assert.Empty(Directory.GetFileSystemEntries(Path.GetDirectoryName(Place)!));
    }

    [Fact]
    public void One_that_is_not_there_is_removed_already()
    {
        Assert.False(RemovedFolder.Remove(Place));
        Assert.Equal(0, RemovedFolder.BytesOf(Place));
        Assert.Empty(Directory.GetFileSystemEntries(Path.GetDirectoryName(Place)!));
    }

    [Fact]
    public void One_that_turns_out_to_be_another_is_put_back()
    {
        Fill();
        Assert.False(RemovedFolder.Remove(Place, moved =>
        {
            Assert.Equal("three!", File.ReadAllText(Path.Combine(moved, "file")));
            return Directory.Exists(Place);
        }));
        Assert.Equal("three!", File.ReadAllText(Path.Combine(Place, "file")));
        Assert.Single(Directory.GetFileSystemEntries(Path.GetDirectoryName(Place)!));
    }

    [Fact]
    public void Who_sweeps_meanwhile_does_not_take_away_what_may_be_put_back()
    {
        Fill();
        Assert.False(RemovedFolder.Remove(Place, moved =>
        {
            if (moved == Place)
                return true;
            StagedFolder.Sweep(Parent);
            return false;
        }));
        Assert.Equal([Place], Directory.GetFileSystemEntries(Parent));
    }

    [Fact]
    public void Who_sweeps_meanwhile_puts_it_back_and_then_it_stays()
    {
        Fill();
        Assert.False(RemovedFolder.Remove(Place, _ =>
        {
            StagedFolder.Sweep(Parent);
            return true;
        }));
        Assert.Equal([Place], Directory.GetFileSystemEntries(Parent));
    }

    [Fact]
    public void One_that_is_another_before_it_is_moved_is_never_moved()
    {
        Fill();
        var asked = 0;
        Assert.False(RemovedFolder.Remove(Place, where =>
        {
            asked++;
            Assert.Equal(Place, where);
            return false;
        }));
        Assert.Equal(1, asked);
    }

    [Fact]
    public void One_of_which_nobody_can_say_it_is_put_back()
    {
        Fill();
        Assert.Throws<InvalidOperationException>(() => RemovedFolder.Remove(
            Place, moved => moved == Place ? true : throw new InvalidOperationException("The disk does not answer.")));
        Assert.Equal("three!", File.ReadAllText(Path.Combine(Place, "file")));
        Assert.Equal([Place], Directory.GetFileSystemEntries(Parent));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_that_cannot_be_put_back_is_kept(bool isOneKeptAlready)
    {
        Fill();
        if (isOneKeptAlready)
            Directory.CreateDirectory(Place + ".kept");
        var said = Assert.Throws<IOException>(() => RemovedFolder.Remove(Place, moved =>
        {
            if (moved == Place)
                return true;
            Directory.CreateDirectory(Place);
            File.WriteAllText(Path.Combine(Place, "file"), "another");
            return false;
        })).Message;
        StagedFolder.Sweep(Parent);
        var kept = Assert.Single(
            Directory.GetDirectories(Parent, "place.*kept"), path => File.Exists(Path.Combine(path, "file")));
        Assert.EndsWith(kept, said);
        Assert.Equal("three!", File.ReadAllText(Path.Combine(kept, "file")));
        Assert.Equal("another", File.ReadAllText(Path.Combine(Place, "file")));
    }

    /// <summary>The folder is looked at as a process that is killed there would leave it.</summary>
    [Fact]
    public void What_a_kill_leaves_before_it_was_sure_comes_back()
    {
        Fill();
        var copy = folder.File("copy");
        Directory.CreateDirectory(copy);
        RemovedFolder.Remove(Place, moved =>
        {
            if (moved != Place)
                Directory.Move(moved, Path.Combine(copy, Path.GetFileName(moved)));
            return moved == Place;
        });
        Assert.StartsWith(".place.", Path.GetFileName(Assert.Single(Directory.GetDirectories(copy))));
        StagedFolder.Sweep(copy);
        Assert.Equal("three!", File.ReadAllText(Path.Combine(copy, "place", "file")));
    }

    private void Fill()
    {
        Directory.CreateDirectory(Place);
        File.WriteAllText(Path.Combine(Place, "file"), "three!");
    }
}

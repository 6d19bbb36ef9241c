using Gpt2Cluster.Data.Storage;

namespace Gpt2Cluster.Data.Tests.Storage;

public sealed class RemovedFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string Place => folder.File("place");

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
            Assert.False(Directory.Exists(Place));
            return File.ReadAllText(Path.Combine(moved, "file")) != "three!";
        }));
        Assert.Equal("three!", File.ReadAllText(Path.Combine(Place, "file")));
        Assert.Single(Directory.GetFileSystemEntries(Path.GetDirectoryName(Place)!));
    }

    [Fact]
    public void Who_sweeps_meanwhile_does_not_take_away_what_may_be_put_back()
    {
        Fill();
        Assert.False(RemovedFolder.Remove(Place, _ =>
        {
            StagedFolder.Sweep(Path.GetDirectoryName(Place)!);
            return false;
        }));
        Assert.True(Directory.Exists(Place));
    }

    private void Fill()
    {
        Directory.CreateDirectory(Place);
        File.WriteAllText(Path.Combine(Place, "file"), "three!");
    }
}

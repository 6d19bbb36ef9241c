using Gpt2Cluster.Data.Storage;

namespace Gpt2Cluster.Data.Tests.Storage;

public sealed class StagedFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_is_published_holds_what_was_put_in_and_nothing_else()
    {
        using (var staged = new StagedFolder(Place("model")))
        {
            File.WriteAllText(staged.File("a.txt"), "a");
            staged.Publish();
        }

        Assert.Equal(["a.txt"], Directory.GetFileSystemEntries(Place("model")).Select(Path.GetFileName));
        Assert.Equal(["model"], Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void What_was_not_published_is_gone()
    {
        using (var staged = new StagedFolder(Place("model")))
            File.WriteAllText(staged.File("a.txt"), "a");
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_sweep_takes_what_nobody_fills_and_leaves_the_rest()
    {
        string left;
        using (var killed = new StagedFolder(Place("killed")))
        {
            left = killed.Path + "2.partial";
            Directory.CreateDirectory(left);
            File.WriteAllText(Path.Combine(left, ".owner"), "");
        }

        Directory.CreateDirectory(Place("other"));
        using var staged = new StagedFolder(Place("model"));
        StagedFolder.Sweep(folder.Path);
        Assert.False(Directory.Exists(left));
        Assert.True(Directory.Exists(Place("other")));
        File.WriteAllText(staged.File("a.txt"), "a");
        staged.Publish();
        Assert.True(File.Exists(Path.Combine(Place("model"), "a.txt")));
    }

    private string Place(string name) => Path.Combine(folder.Path, name);
}

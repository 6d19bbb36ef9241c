using Gpt2Cluster.Grains.Housekeeping;
using Gpt2Cluster.Grains.Tests.Checkpoints;

namespace Gpt2Cluster.Grains.Tests.Housekeeping;

public sealed class StaleFilesTests : IDisposable
{
    private readonly StoredRuns stored = new("a");

    public void Dispose() => stored.Dispose();

    [Theory]
    [InlineData("runs/run1/checkpoints/.00000012.0f.partial/.owner")]
    [InlineData("models/.m.0f.partial/.owner")]
    [InlineData("datasets/.dataset.0f.partial/.owner")]
    [InlineData("silos/a/uploads/0f.spool")]
    public void What_a_kill_left_is_removed(string path)
    {
        Put(path);
        StaleFiles.Remove(stored.Silo);
        Assert.False(File.Exists(At(path)));
    }

    [Theory]
    [InlineData("runs/run1/checkpoints/00000012/manifest.json")]
    [InlineData("models/m/model.safetensors")]
    [InlineData("silos/b/uploads/0f.spool")]
    public void What_is_whole_or_anothers_stays(string path)
    {
        Put(path);
        StaleFiles.Remove(stored.Silo);
        Assert.True(File.Exists(At(path)));
    }

    [Fact]
    public void A_checkpoint_that_was_to_be_replaced_when_the_process_was_killed_is_put_back()
    {
        Put("runs/run1/checkpoints/00000012.replaced/manifest.json");
        StaleFiles.Remove(stored.Silo);
        Assert.True(File.Exists(At("runs/run1/checkpoints/00000012/manifest.json")));
        Assert.False(Directory.Exists(At("runs/run1/checkpoints/00000012.replaced")));
    }

    [Fact]
    public void A_checkpoint_that_was_replaced_is_removed()
    {
        Put("runs/run1/checkpoints/00000012.replaced/old");
        Put("runs/run1/checkpoints/00000012/new");
        StaleFiles.Remove(stored.Silo);
        Assert.True(File.Exists(At("runs/run1/checkpoints/00000012/new")));
        Assert.False(Directory.Exists(At("runs/run1/checkpoints/00000012.replaced")));
    }

    private string At(string path) => Path.Combine(stored.Silo.DataFolder, path);

    private void Put(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        File.WriteAllText(At(path), "");
    }
}

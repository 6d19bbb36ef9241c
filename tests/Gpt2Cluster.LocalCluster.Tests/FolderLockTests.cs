
namespace Gpt2Cluster.LocalCluster.Tests;

public sealed class FolderLockTests
{
    [Fact]
    public void One_holder_at_a_time_and_looking_does_not_take_it()
    {
        using var scratch = new Scratch();
        var path = scratch.File("lock");
        Assert.False(FolderLock.IsHeld(path));
        using (var held = FolderLock.TryTake(path))
        {
            Assert.NotNull(held);
            Assert.Null(FolderLock.TryTake(path));
            Assert.True(FolderLock.IsHeld(path));
        }

        Assert.False(FolderLock.IsHeld(path));
        using var again = FolderLock.TryTake(path);
        Assert.NotNull(again);
    }
}

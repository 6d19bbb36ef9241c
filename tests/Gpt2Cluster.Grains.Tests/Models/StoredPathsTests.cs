using Gpt2Cluster.Core;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Tests.Models;

public sealed class StoredPathsTests
{
    private readonly StoredPaths paths = new(new SiloContext
    {
        Name = "silo".Silo(),
        DataFolder = "/data",
        DataFolderId = "folder",
        MachineName = "machine",
        AdvertisedHost = "127.0.0.1",
        HttpAddress = "127.0.0.1:1",
        SiloPort = 2,
        GatewayPort = 3,
        Replicas = null!,
        Stripes = null!,
    });

    [Theory]
    [InlineData("models/gpt2", "config.json")]
    [InlineData("runs/run1/checkpoints/00000200", "manifest.json")]
    [InlineData("datasets/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "shard-00000.bin")]
    [InlineData(
        "vocabularies/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "vocabulary.json")]
    public void Names_what_is_stored(string folder, string file)
    {
        Assert.Equal($"/data/{folder}", paths.FolderOf(folder));
        Assert.Equal($"/data/{folder}/{file}", paths.FileOf($"{folder}/{file}"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("models")]
    [InlineData("models/")]
    [InlineData("models/..")]
    [InlineData("models/../store")]
    [InlineData("models/a/b")]
    [InlineData("/models/a")]
    [InlineData("models/a\n")]
    [InlineData("store/a")]
    [InlineData("datasets/abc")]
    [InlineData("vocabularies/abc")]
    [InlineData("runs/a/checkpoints/..")]
    [InlineData("runs/../checkpoints/00000001")]
    public void Names_nothing_else(string folder)
    {
        Assert.Throws<UserErrorException>(() => paths.FolderOf(folder));
        Assert.Throws<UserErrorException>(() => paths.FileOf($"{folder}/config.json"));
    }

    [Theory]
    [InlineData("models/a/..")]
    [InlineData("models/a/.hidden")]
    [InlineData("models/a/")]
    [InlineData("config.json")]
    public void Names_no_other_file(string file) =>
        Assert.Throws<UserErrorException>(() => paths.FileOf(file));
}

using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;

namespace Gpt2Cluster.Data.Tests.Models;

public sealed class ModelDirectoryTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly ModelDirectory models;

    public ModelDirectoryTests() => models = new ModelDirectory(folder.File("models"));

    public void Dispose() => folder.Dispose();

    [Fact]
    public void An_imported_model_is_listed_and_found()
    {
        Assert.Empty(models.List());
        var stored = models.Import(Golden.Path("numerics"), "small");
        Assert.Equal("small", stored.Name);
        Assert.Equal(32, stored.Shape!.Width);
        Assert.Equal([stored], models.List());
        Assert.Equal(stored.Path, models.Find("small"));
        Assert.Equal(stored.Path, models.Find(stored.Path));
        Assert.Null(models.Find("other"));
        using var opened = ModelFolder.Open(stored.Path);
        Assert.Equal(32, opened.Shape.Width);
    }

    [Theory]
    [InlineData("117M")]
    [InlineData("124M")]
    [InlineData("gpt2")]
    public void An_alias_finds_the_model_it_stands_for(string alias)
    {
        models.Import(Golden.Path("numerics"), "gpt2");
        Assert.Equal(Path.Combine(models.Root, "gpt2"), models.Find(alias));
    }

    [Fact]
    public void A_taken_name_is_refused()
    {
        models.Import(Golden.Path("numerics"));
        var message = Assert.Throws<UserErrorException>(() => models.Import(Golden.Path("numerics"))).Message;
        Assert.Contains("numerics", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../escape")]
    [InlineData("")]
    [InlineData(".hidden")]
    [InlineData("a b")]
    public void A_wrong_name_is_refused_and_nothing_changes(string name)
    {
        Assert.Throws<UserErrorException>(() => models.Import(Golden.Path("numerics"), name));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_damaged_model_is_not_imported()
    {
        folder.Write("bad/config.json", File.ReadAllBytes(Golden.Path("numerics/config.json")));
        folder.Write("bad/model.safetensors", File.ReadAllBytes(Golden.Path("numerics/model.safetensors"))[..1000]);
        Assert.Throws<UserErrorException>(() => models.Import(folder.File("bad")));
        Assert.Empty(models.List());
    }
}

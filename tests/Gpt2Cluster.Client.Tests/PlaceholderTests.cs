namespace Gpt2Cluster.Client.Tests;

public sealed class PlaceholderTests
{
    [Fact]
    public void Builds() => Assert.NotNull(typeof(PlaceholderTests).FullName);

    [Fact(Explicit = true)]
    public void Slow() => Assert.NotNull(typeof(PlaceholderTests).FullName);
}

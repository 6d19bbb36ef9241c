using Gpt2Cluster.Client.CommandLine;

namespace Gpt2Cluster.Client.Tests.CommandLine;

public sealed class WorkerBoundsTests
{
    [Theory]
    [InlineData("1", 1, 1)]
    [InlineData("3", 3, 3)]
    [InlineData("2..5", 2, 5)]
    [InlineData("2..2", 2, 2)]
    [InlineData("1..all", 1, int.MaxValue)]
    public void Reads_counts_and_ranges(string text, int least, int most)
    {
        Assert.True(WorkerBounds.TryParse(text, out var bounds));
        Assert.Equal(new WorkerBounds(least, most), bounds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("all")]
    [InlineData("3..2")]
    [InlineData("1..")]
    [InlineData("..2")]
    [InlineData("1..2..3")]
    [InlineData("1.5")]
    public void Refuses_the_rest(string text) => Assert.False(WorkerBounds.TryParse(text, out _));
}

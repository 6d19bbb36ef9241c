using Gpt2Cluster.Client.Commands;
using Gpt2Cluster.Contracts.Runs.Events;

namespace Gpt2Cluster.Client.Tests.Commands;

public sealed class SampleFilesTests
{
    [Fact]
    public void Files_are_those_of_the_original_tool()
    {
        using var scratch = new Scratch();
        var files = new SampleFiles(Path.Combine(scratch.Path, "samples", "run1"));
        files.Write(Sample(50, 1, "First"));
        var first = files.Write(Sample(50, 2, "Second\n"));
        var second = files.Write(Sample(100, 1, "Third"));
        Assert.Equal("samples-50", Path.GetFileName(first));
        Assert.Equal(
            "======== SAMPLE 1 ========\nFirst\n\n======== SAMPLE 2 ========\nSecond\n\n", File.ReadAllText(first));
        Assert.Equal("======== SAMPLE 1 ========\nThird\n", File.ReadAllText(second));
    }

    private static SampleEvent Sample(long step, int index, string text) =>
        new() { Run = "run1".Run(), Step = step, Index = index, Text = text };
}

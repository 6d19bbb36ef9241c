using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Checkpoints;

public sealed class DiskSpaceTests
{
    private static readonly ModelShape Shape = Presets.Scratch("scratch:tiny").Shape;

    [Theory]
    [InlineData(OptimizerKind.AdamW, 12)]
    [InlineData(OptimizerKind.Sgd, 4)]
    public void Two_checkpoints_must_fit_to_the_byte(OptimizerKind optimizer, int bytesPerParameter)
    {
        var needed = 2L * bytesPerParameter * new ParameterLayout(Shape).Length;
        Assert.Null(DiskSpace.Error("The folder", needed, Shape, optimizer));
        Assert.StartsWith(
            "The folder has", DiskSpace.Error("The folder", needed - 1, Shape, optimizer), StringComparison.Ordinal);
    }

    [Fact]
    public void The_sentence_says_what_is_there_and_what_is_needed() => Assert.Equal(
        "The disk of a has 11 MB free and two checkpoints of this run take 174 MB; free some, or choose another "
        + "folder with --data.",
        DiskSpace.Error("The disk of a", 10_500_000, Shape, OptimizerKind.AdamW));
}

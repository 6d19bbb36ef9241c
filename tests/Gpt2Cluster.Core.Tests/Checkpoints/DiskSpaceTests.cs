using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Tests.Specification;

namespace Gpt2Cluster.Core.Tests.Checkpoints;

public sealed class DiskSpaceTests
{
    private static readonly ModelShape Shape = Presets.Scratch("scratch:tiny").Shape;

    [Theory]
    [InlineData(OptimizerKind.AdamW, 12, 1, false, 2)]
    [InlineData(OptimizerKind.AdamW, 12, 3, true, 5)]
    [InlineData(OptimizerKind.Sgd, 4, 3, false, 4)]
    [InlineData(OptimizerKind.Sgd, 4, 10, true, 12)]
    public void What_is_kept_and_the_best_and_one_being_written_must_fit_to_the_byte(
        OptimizerKind optimizer, int bytesPerParameter, int keep, bool validates, int checkpointCount)
    {
        var run = Run(keep, validates) with { Optimizer = new OptimizerOptions(optimizer) };
        var needed = (long)checkpointCount * bytesPerParameter * new ParameterLayout(Shape).Length;
        Assert.Null(DiskSpace.Error("The folder", needed, run));
        Assert.StartsWith(
            "The folder has", DiskSpace.Error("The folder", needed - 1, run), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1000, 100, 11)]
    [InlineData(1001, 100, 12)]
    [InlineData(1000, 0, 2)]
    [InlineData(100_000_000, 1, 1_000_002)]
    public void No_more_are_counted_than_the_run_writes_and_one_for_a_pause(long steps, long saveEvery, long count) =>
        Assert.Equal(
            count,
            DiskSpace.CheckpointCount(Run(1_000_000, validates: true) with { Steps = steps, SaveEvery = saveEvery }));

    [Fact]
    public void A_run_that_never_validates_has_no_best() =>
        Assert.Equal(4, DiskSpace.CheckpointCount(Run(3, validates: true) with { ValidateEvery = 0 }));

    [Theory]
    [InlineData(1, false, "2 checkpoints of this run take 174 MB (--keep 1, and one being written)")]
    [InlineData(3, true, "5 checkpoints of this run take 435 MB (--keep 3, the best, and one being written)")]
    public void The_sentence_says_what_is_there_and_what_is_needed(int keep, bool validates, string needed) =>
        Assert.Equal(
            $"The disk of a has 11 MB free and {needed}; free some, lower --keep, or choose another folder with "
            + "--data.",
            DiskSpace.Error("The disk of a", 10_500_000, Run(keep, validates)));

    private static RunSpecification Run(int keep, bool validates) => Specifications.Sound with
    {
        Model = new ModelReference("scratch:tiny", Shape),
        Dataset = new DatasetReference(new string('a', 64), 1000, validates ? 1000 : 0),
        SequenceLength = 8,
        Steps = 1000,
        SaveEvery = 10,
        ValidateEvery = 10,
        Keep = keep,
    };
}

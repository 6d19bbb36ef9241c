using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Core.Tests.Specification;

public sealed class RunSpecificationTests
{
    [Fact]
    public void Windows_and_counts_follow_from_the_tokens()
    {
        var specification = Specifications.Sound;
        Assert.Equal(79, Assert.Single(specification.TrainingWindows()).WindowCount); // ceil(9999 / 128)
        Assert.Equal(4, Assert.Single(specification.ValidationBatches()!.Parts).WindowCount); // ceil(499 / 128)
        Assert.Equal(2, specification.ValidationBatches()!.Count);
        Assert.Equal(8 * 2 * 128, specification.TokensPerStep);
        Assert.Equal([79L], specification.WindowOrder().WindowCounts);
        Assert.Equal(79, specification.WindowsOfFirstPass());
        Assert.Equal([new string('a', 64)], specification.DatasetHashes());
    }

    [Fact]
    public void A_mixture_has_the_windows_of_each_of_its_datasets()
    {
        var specification = Specifications.Mixed;
        Assert.Equal([79L, 8L], specification.TrainingWindows().Select(windows => windows.WindowCount));
        Assert.Equal([79L, 8L], specification.WindowOrder().WindowCounts);
        Assert.Equal(8 * 4, specification.WindowsOfFirstPass()); // every fourth is of the second
        var dataset = specification.Dataset;
        Assert.Equal((11_000, 560), (dataset.TrainingTokenCount, dataset.ValidationTokenCount));

        // 4 windows of 128 and one of 59 tokens, in micro-batches of 2 that hold windows of one part.
        var batches = specification.ValidationBatches()!;
        Assert.Equal([128, 59], batches.Parts.Select(part => part.SequenceLength));
        Assert.Equal(
            [new ValidationBatch(0, 0, 2), new ValidationBatch(0, 2, 2), new ValidationBatch(1, 0, 1)],
            Enumerable.Range(0, batches.Count).Select(index => batches[index]));
        Assert.Equal(499 + 59, batches.TargetCount);
        Assert.Equal(
            [new TokenRange(new string('a', 64), 10_000, 500), new TokenRange(new string('b', 64), 1000, 60)],
            dataset.ValidationParts());
    }

    [Fact]
    public void A_validation_dataset_stands_for_all_parts_of_a_mixture()
    {
        var mix = Specifications.Mixed.Dataset.Mix!.Select(source => source with { ValidationTokenCount = 0 }).ToList();
        var dataset = DatasetReference.OfMix(mix, (new string('c', 64), 300));
        Assert.Equal([new TokenRange(new string('c', 64), 0, 300)], dataset.ValidationParts());
        var specification = Specifications.Mixed with { Dataset = dataset };
        Assert.Equal([new string('a', 64), new string('b', 64), new string('c', 64)], specification.DatasetHashes());
        Assert.Empty(SpecificationCheck.Errors(specification));
    }

    [Fact]
    public void A_run_stands_on_the_checkpoint_that_its_frozen_weights_come_from()
    {
        var sound = Specifications.Sound;
        var onRun = sound with { Model = sound.Model with { Name = "run:base", Sha256 = "ab", Step = 4 } };
        var adapters = TrainableParameters.Lora;
        var lora = new TrainingScope(adapters, 8).Lora();
        Assert.True((onRun with { Trainable = adapters, Lora = lora }).StandsOnCheckpoint);
        Assert.True((onRun with { Trainable = TrainableParameters.TransformerLayers }).StandsOnCheckpoint);
        Assert.False(onRun.StandsOnCheckpoint);
        Assert.False((sound with { Trainable = adapters, Lora = lora }).StandsOnCheckpoint);
    }

    [Fact]
    public void Without_validation_tokens_there_is_nothing_to_validate()
    {
        var specification = Specifications.Sound with { Dataset = new DatasetReference("a", 100) };
        Assert.Null(specification.ValidationBatches());
    }

    [Fact]
    public void The_sample_length_that_is_not_named_fits_the_context()
    {
        Assert.Equal(127, SamplingOptions.LengthThatFits(128, 1));
        Assert.Equal(200, SamplingOptions.LengthThatFits(1024, 1));
    }
}

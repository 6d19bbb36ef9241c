using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Specification;

public sealed class RunSpecificationTests
{
    [Fact]
    public void Windows_and_counts_follow_from_the_tokens()
    {
        var specification = Specifications.Sound;
        Assert.Equal(79, specification.TrainingWindows().WindowCount); // ceil(9999 / 128)
        Assert.Equal(4, specification.ValidationWindows()!.WindowCount); // ceil(499 / 128)
        Assert.Equal(2, specification.ValidationMicroBatchCount());
        Assert.Equal(8 * 2 * 128, specification.TokensPerStep);
        Assert.Equal(79, specification.WindowOrder().WindowCount);
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
        Assert.Null(specification.ValidationWindows());
        Assert.Equal(0, specification.ValidationMicroBatchCount());
    }

    [Fact]
    public void The_sample_length_that_is_not_named_fits_the_context()
    {
        Assert.Equal(127, SamplingOptions.LengthThatFits(128, 1));
        Assert.Equal(200, SamplingOptions.LengthThatFits(1024, 1));
    }
}

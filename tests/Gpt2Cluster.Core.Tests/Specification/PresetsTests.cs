using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Specification;

public sealed class PresetsTests
{
    [Theory]
    [InlineData("gpt2", 124_439_808)]
    [InlineData("124M", 124_439_808)]
    [InlineData("117M", 124_439_808)]
    [InlineData("124m", 124_439_808)]
    [InlineData("scratch:GPT2-XL", 1_557_611_200)]
    [InlineData("gpt2-medium", 354_823_168)]
    [InlineData("345M", 354_823_168)]
    [InlineData("355M", 354_823_168)]
    [InlineData("774M", 774_030_080)]
    [InlineData("scratch:gpt2-large", 774_030_080)]
    [InlineData("1558M", 1_557_611_200)]
    [InlineData("scratch:gpt2-xl", 1_557_611_200)]
    public void The_four_sizes_have_their_published_parameter_counts(string name, long parameters) =>
        Assert.Equal(parameters, new ParameterLayout(Presets.Find(name)!.Shape).Length);

    [Theory]
    [InlineData("124M", "gpt2")]
    [InlineData("355m", "gpt2-medium")]
    [InlineData("GPT2", "gpt2")]
    [InlineData("tiny", "tiny")]
    [InlineData("My-Model", "My-Model")]
    public void A_published_model_has_one_name_in_the_store_in_whatever_letters_it_is_called(
        string name, string canonical) => Assert.Equal(canonical, Presets.Canonical(name));

    [Fact]
    public void All_but_tiny_are_published() =>
        Assert.Equal(
            [
                "openai-community/gpt2", "openai-community/gpt2-medium", "openai-community/gpt2-large",
                "openai-community/gpt2-xl",
            ],
            Presets.Published.Select(preset => preset.Repository));

    [Fact]
    public void Every_preset_is_sound_with_its_own_defaults()
    {
        foreach (var preset in Presets.All)
        {
            var defaults = Presets.DefaultsOf(ModelReference.ScratchPrefix + preset.Name);
            Assert.Empty(SpecificationCheck.Errors(Specifications.Sound with
            {
                Model = new ModelReference("scratch:" + preset.Name, preset.Shape),
                SequenceLength = preset.Shape.ContextLength,
                Steps = defaults.Steps,
                BatchSize = defaults.BatchSize,
                MicroBatchCount = defaults.MicroBatchCount,
                Schedule = new(
                    ScheduleKind.Cosine,
                    defaults.LearningRate,
                    defaults.WarmupSteps ?? LearningRateSchedule.DefaultWarmup(defaults.Steps)),
                Sampling = new() { Every = defaults.SampleEvery, Length = defaults.SampleLength },
                SaveEvery = defaults.SaveEvery,
                ValidateEvery = defaults.ValidateEvery,
            }));
        }
    }

    [Fact]
    public void Tiny_draws_at_least_three_samples()
    {
        var defaults = Presets.DefaultsOf("scratch:tiny");
        Assert.True(defaults.Steps / defaults.SampleEvery >= 3);
    }

    [Fact]
    public void A_model_that_is_not_scratch_has_the_table_s_defaults()
    {
        Assert.Equal(new TrainingDefaults(), Presets.DefaultsOf("gpt2"));
        Assert.Equal((1000L, 2, 8, 5e-5), (
            Presets.FineTuning.Steps,
            Presets.FineTuning.BatchSize,
            Presets.FineTuning.MicroBatchCount,
            Presets.FineTuning.LearningRate));
    }

    [Fact]
    public void An_unknown_preset_is_bad_input_and_names_the_known_ones()
    {
        Assert.Null(Presets.Find("gpt3"));
        var error = Assert.Throws<UserErrorException>(() => Presets.DefaultsOf("scratch:huge"));
        Assert.Contains("scratch:tiny", error.Message);
    }
}

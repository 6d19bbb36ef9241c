using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Specification;

public sealed class SpecificationDifferencesTests
{
    [Fact]
    public void Every_leaf_has_a_name_on_the_command_line()
    {
        var adapted = Specifications.Sound with { Lora = new LoraOptions { Rank = 4, Alpha = 8 } };
        var leaves = new[] { Specifications.Sound, Specifications.Mixed, adapted }
            .SelectMany(each => SpecificationJson.Leaves(each with { Workers = new WorkerRange(1, 2) }).Keys)
            .Select(leaf => leaf.StartsWith("workers.", StringComparison.Ordinal) ? "workers" : leaf);
        Assert.Equal(SpecificationDifferences.OptionNames.Keys.Order(), leaves.Distinct().Order());
    }

    [Fact]
    public void Other_adapters_and_none_are_differences()
    {
        var adapted = Specifications.Sound with
        {
            Trainable = TrainableParameters.Lora,
            Lora = new LoraOptions { Rank = 4, Alpha = 8 },
        };
        var other = adapted with { Lora = adapted.Lora with { Rank = 8 } };
        Assert.Equal(
            ["the rank of --train lora:RANK is 4 in the run and 8 in this command."],
            SpecificationDifferences.Between(adapted, other));
        Assert.Contains(
            SpecificationDifferences.Between(adapted, Specifications.Sound),
            difference => difference.StartsWith("--train is ", StringComparison.Ordinal));
    }

    [Fact]
    public void Another_mixture_is_a_difference_with_the_datasets_of_both()
    {
        var mix = Specifications.Mixed.Dataset.Mix!;
        var heavier = DatasetReference.OfMix([mix[0], mix[1] with { Weight = 2 }]);
        var other = Specifications.Mixed with { Dataset = heavier };
        var difference = Assert.Single(SpecificationDifferences.Between(Specifications.Mixed, other));
        Assert.Matches("^--mix is 3 of a{64} .10000 . 500 tokens., 1 of b{64} .* in the run and 3 of a{64} .*"
            + " 2 of b{64} .* in this command.$", difference);
        var turned = Specifications.Mixed with { Dataset = DatasetReference.OfMix([mix[1], mix[0]]) };
        Assert.Single(SpecificationDifferences.Between(Specifications.Mixed, turned));
    }

    [Fact]
    public void A_mixture_and_one_dataset_are_a_difference()
    {
        Assert.Contains(
            SpecificationDifferences.Between(Specifications.Sound, Specifications.Mixed),
            difference => difference.StartsWith("--mix is 1 of aaaa", StringComparison.Ordinal));
        Assert.Contains(
            SpecificationDifferences.Between(Specifications.Mixed, Specifications.Sound),
            difference => difference.StartsWith("--mix is 3 of aaaa", StringComparison.Ordinal));
        Assert.Empty(SpecificationDifferences.Between(Specifications.Mixed, Specifications.Mixed));
    }

    [Fact]
    public void The_same_command_may_go_on() =>
        Assert.Empty(SpecificationDifferences.Between(Specifications.Sound, Specifications.Sound));

    [Fact]
    public void Workers_may_differ() => Assert.Empty(SpecificationDifferences.Between(
        Specifications.Sound, Specifications.Sound with { Workers = new WorkerRange(3, 3) }));

    [Fact]
    public void What_is_left_to_the_cluster_takes_the_stored_value() => Assert.Empty(SpecificationDifferences.Between(
        Specifications.Sound, Specifications.Sound with { Precision = null, ThreadsPerWorker = null }));

    [Fact]
    public void The_class_of_devices_is_a_difference_once_it_is_settled_and_a_run_of_before_takes_what_is_named()
    {
        var settled = Specifications.Sound with { Device = DeviceKind.Cuda };
        Assert.Empty(SpecificationDifferences.Between(settled, Specifications.Sound));
        Assert.Empty(SpecificationDifferences.Between(Specifications.Sound, settled));
        Assert.Equal(
            ["--device is \"cuda\" in the run and \"cpu\" in this command."],
            SpecificationDifferences.Between(settled, settled with { Device = DeviceKind.Cpu }));
    }

    [Fact]
    public void A_specification_of_before_there_was_a_choice_is_read_as_auto()
    {
        var json = SpecificationJson.Write(Specifications.Sound);
        Assert.Null(SpecificationJson.Read(json.Replace("\"device\":null,", "", StringComparison.Ordinal)).Device);
        Assert.Contains("\"device\":null,", json, StringComparison.Ordinal);
    }

    [Fact]
    public void A_base_run_that_has_gone_on_stays_what_it_was_at_submission()
    {
        var stored = Specifications.Sound with { Model = Specifications.Sound.Model with { Name = "run:a", Step = 2 } };
        var later = stored with { Model = stored.Model with { Step = 9, Sha256 = "b" } };
        Assert.Empty(SpecificationDifferences.Between(stored, later));
        var other = later with { Model = later.Model with { Name = "run:b" } };
        Assert.NotEmpty(SpecificationDifferences.Between(stored, other));
    }

    [Fact]
    public void Other_weights_under_the_name_of_a_model_are_a_difference()
    {
        var stored = Specifications.Sound with { Model = Specifications.Sound.Model with { Name = "m", Sha256 = "a" } };
        var other = stored with { Model = stored.Model with { Sha256 = "b" } };
        Assert.StartsWith("the weights of --model is", Assert.Single(SpecificationDifferences.Between(stored, other)));
    }

    [Fact]
    public void All_differences_are_named_with_both_values()
    {
        var wanted = Specifications.Sound with
        {
            Steps = 2000,
            Precision = Precision.BFloat16,
            Optimizer = new OptimizerOptions { Beta1 = 0.8 },
            Dataset = Specifications.Sound.Dataset with { Sha256 = "b" },
        };
        var differences = SpecificationDifferences.Between(Specifications.Sound, wanted);
        Assert.Equal(4, differences.Count);
        Assert.Contains("--steps is 1000 in the run and 2000 in this command.", differences);
        Assert.Contains("--beta1 is 0.9 in the run and 0.8 in this command.", differences);
        Assert.Contains(differences, sentence => sentence.StartsWith("the dataset is", StringComparison.Ordinal));
        Assert.Contains(differences, sentence => sentence.StartsWith("--precision is", StringComparison.Ordinal));
    }
}

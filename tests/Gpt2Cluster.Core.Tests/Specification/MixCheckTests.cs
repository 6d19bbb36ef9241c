using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Core.Tests.Specification;

public sealed class MixCheckTests
{
    private static readonly MixedDataset First = Specifications.Mixed.Dataset.Mix![0];

    public static TheoryData<string, MixedDataset[]> Mistakes { get; } = new()
    {
        { "--mix takes 2 to 256 datasets, not 1.", [First] },
        { "--mix takes 2 to 256 datasets, not 257.", [.. Enumerable.Repeat(First, 257)] },
        { "must be 1 or more", [First, First with { Weight = 0 }] },
        { "1000000 at most together", [First, First with { Weight = SourceSchedule.MaxPeriod }] },
        { "1000000 at most together", [First, First with { Weight = long.MaxValue }] },
        { "has 128 training tokens, fewer than a window of 128", [First, First with { TrainingTokenCount = 128 }] },
        { "has 1 validation tokens", [First, First with { ValidationTokenCount = 1 }] },
    };

    [Fact]
    public void A_sound_mixture_has_no_errors() => Assert.Empty(SpecificationCheck.Errors(Specifications.Mixed));

    [Theory]
    [MemberData(nameof(Mistakes), DisableDiscoveryEnumeration = true)]
    public void Each_mistake_has_one_sentence(string sentence, MixedDataset[] mix)
    {
        var run = Specifications.Mixed with { Dataset = DatasetReference.OfMix(mix) };
        Assert.Contains(sentence, Assert.Single(SpecificationCheck.Errors(run)), StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_agree_with_its_list_is_refused()
    {
        var dataset = Specifications.Mixed.Dataset;
        DatasetReference[] wrong =
        [
            dataset with { Sha256 = new string('a', 64) },
            dataset with { TrainingTokenCount = 10_999 },
            dataset with { ValidationTokenCount = 2 },
        ];
        Assert.All(wrong, one => Assert.Contains(
            "not what its list",
            Assert.Single(SpecificationCheck.Errors(Specifications.Mixed with { Dataset = one }))));
    }

    [Fact]
    public void A_mixture_is_known_by_its_list()
    {
        var mix = Specifications.Mixed.Dataset.Mix!;
        var hash = DatasetReference.HashOf(mix);
        Assert.Equal(64, hash.Length);
        Assert.NotEqual(hash, DatasetReference.HashOf(mix.Reverse()));
        Assert.NotEqual(hash, DatasetReference.HashOf([mix[0], mix[1] with { Weight = 2 }]));
        Assert.Equal(hash, DatasetReference.HashOf([mix[0], mix[1] with { TrainingTokenCount = 999 }]));
    }
}

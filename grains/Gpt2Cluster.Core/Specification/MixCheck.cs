using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Core.Specification;

/// <summary>What can be wrong with the datasets of <c>--mix</c>.</summary>
internal static class MixCheck
{
    /// <summary>One sentence for each error; empty where there is no mixture, too.</summary>
    public static IEnumerable<string> Errors(RunSpecification specification)
    {
        if (specification.Dataset.Mix is not { } mix)
            yield break;
        if (mix.Count is < 2 or > SourceSchedule.MaxSourceCount)
            yield return $"--mix takes 2 to {SourceSchedule.MaxSourceCount} datasets, not {mix.Count}.";
        if (mix.Any(source => source.Weight is < 1 or > SourceSchedule.MaxPeriod)
            || mix.Sum(source => source.Weight) > SourceSchedule.MaxPeriod)
        {
            yield return "The weights of --mix must be 1 or more, and "
                + $"{SourceSchedule.MaxPeriod} at most together.";
        }

        foreach (var source in mix)
        {
            if (source.TrainingTokenCount <= specification.SequenceLength)
            {
                yield return $"The dataset {source.Sha256} of --mix has {source.TrainingTokenCount} training tokens, "
                    + $"fewer than a window of {specification.SequenceLength} and its last target need.";
            }

            if (source.ValidationTokenCount is < 0 or 1)
            {
                yield return $"The dataset {source.Sha256} of --mix has {source.ValidationTokenCount} validation "
                    + "tokens; at least 2 are needed, or none.";
            }
        }

        if (specification.Dataset != AsListed(specification.Dataset, mix))
            yield return "The dataset of the run is not what its list of --mix says.";
    }

    /// <summary>What its list says.</summary>
    private static DatasetReference AsListed(DatasetReference dataset, IReadOnlyList<MixedDataset> mix) =>
        DatasetReference.OfMix(
            mix, dataset.ValidationSha256 is { } other ? (other, dataset.ValidationTokenCount) : null);
}

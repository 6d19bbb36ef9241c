using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Client.Training;

/// <summary>A stored dataset to train on.</summary>
/// <param name="Path">What was named, for people.</param>
/// <param name="Weight">What the others' weights are measured against; 1 where it is the only one.</param>
/// <param name="Tokens">Its hash and length.</param>
internal sealed record SourceTokens(string Path, long Weight, TokenCounts Tokens);

/// <summary>
/// How the tokens of a run are divided: which train, which validate, and how long a window is. All datasets of a
/// mixture have one length of windows, which the shortest bounds; each gives its own part to validation.
/// </summary>
/// <param name="Dataset">The tokens.</param>
/// <param name="SequenceLength">T.</param>
/// <param name="Warning">A sentence where T is not as asked; null where it is.</param>
internal sealed record DatasetDivision(DatasetReference Dataset, int SequenceLength, string? Warning)
{
    /// <summary>Divides.</summary>
    /// <param name="sources">The datasets to train on, one or more.</param>
    /// <param name="validation">The dataset of <c>--val-dataset</c>; null without it.</param>
    /// <param name="wanted">The T that is asked for, or the model's context.</param>
    /// <param name="fraction"><c>--val-split</c>; null for the default.</param>
    /// <exception cref="UserErrorException">A dataset is too short for what is asked.</exception>
    public static DatasetDivision Of(
        IReadOnlyList<SourceTokens> sources, TokenCounts? validation, int wanted, double? fraction)
    {
        foreach (var same in sources.GroupBy(source => source.Tokens.Hash).Where(group => group.Count() > 1))
        {
            throw new UserErrorException(
                $"{string.Join(" and ", same.Select(source => source.Path))} hold the same; give one of them, with the "
                + "sum of their proportions.");
        }

        var length = (int)Math.Clamp(sources.Min(source => source.Tokens.Count) - 1, 1, wanted);
        MixedDataset[] parts =
        [
            .. sources.Select(source => Divide(source, length, validation is null ? fraction : 0, sources.Count > 1)),
        ];
        var shortest = parts.Index().MinBy(part => part.Item.TrainingTokenCount);
        length = (int)Math.Min(length, shortest.Item.TrainingTokenCount - 1);
        var whose = sources.Count > 1 ? sources[shortest.Index].Path : "The dataset";
        var warning = length == wanted ? null
            : $"{whose} has {shortest.Item.TrainingTokenCount} training tokens, fewer than a window of {wanted} and "
            + $"its last target need; --sequence-length is lowered to {length}.";
        return new DatasetDivision(Reference(parts, validation), length, warning);
    }

    private static DatasetReference Reference(MixedDataset[] parts, TokenCounts? validation)
    {
        if (parts is not [var only])
            return DatasetReference.OfMix(parts, validation is null ? null : (validation.Hash, validation.Count));
        return new DatasetReference(
            only.Sha256, only.TrainingTokenCount, validation?.Count ?? only.ValidationTokenCount, validation?.Hash);
    }

    private static MixedDataset Divide(SourceTokens source, int length, double? fraction, bool isOfSeveral)
    {
        try
        {
            var split = ValidationSplit.Of(source.Tokens.Count, length, fraction);
            return new MixedDataset(
                source.Tokens.Hash, source.Weight, split.TrainingTokenCount, split.ValidationTokenCount);
        }
        catch (UserErrorException problem) when (isOfSeveral)
        {
            throw new UserErrorException($"{source.Path}: {problem.Message}", problem);
        }
    }
}

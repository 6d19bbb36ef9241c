using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Client.Training;

/// <summary>A dataset to train on, as it was named.</summary>
/// <param name="Path">What was named.</param>
/// <param name="Weight">What the others' weights are measured against, 1 or more; 1 where it is the only one.</param>
internal sealed record NamedDataset(string Path, long Weight)
{
    /// <summary>The datasets of <c>--mix</c>.</summary>
    /// <exception cref="UsageException">One is named twice, or there are too many.</exception>
    /// <exception cref="Core.UserErrorException">The proportions are too fine.</exception>
    public static IReadOnlyList<NamedDataset> OfMix(IReadOnlyList<MixedPath> mix)
    {
        if (mix.Count > SourceSchedule.MaxSourceCount)
            throw new UsageException($"--mix takes {SourceSchedule.MaxSourceCount} datasets at most, not {mix.Count}.");
        var paths = new HashSet<string>(StringComparer.Ordinal);
        foreach (var part in mix.Where(part => !paths.Add(Place(part.Path))))
            throw new UsageException($"--mix names {part.Path} twice; give it once, with the sum of its proportions.");
        return
        [
            .. Proportions.Whole([.. mix.Select(part => part.Proportion)])
                .Zip(mix, (weight, part) => new NamedDataset(part.Path, weight)),
        ];
    }

    private static string Place(string path) =>
        System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
}

namespace Gpt2Cluster.Core.Reduction;

/// <summary>
/// A worker's leaves of one step: mostly one range, and more when it took over leaves of workers that died. They are
/// computed in the order of the list.
/// </summary>
public static class LeafRanges
{
    /// <summary>The leaves, in the order they are computed.</summary>
    public static IEnumerable<int> Leaves(this IEnumerable<LeafRange> ranges) =>
        ranges.SelectMany(range => Enumerable.Range(range.First, range.Count));

    /// <summary>How many leaves there are in all.</summary>
    public static int LeafCount(this IEnumerable<LeafRange> ranges) => ranges.Sum(range => range.Count);

    /// <summary>Whether the list begins with all of <paramref name="first"/>: what was done of those is kept.</summary>
    public static bool BeginsWith(this IEnumerable<LeafRange> ranges, IReadOnlyCollection<LeafRange> first) =>
        ranges.Take(first.Count).SequenceEqual(first);

    /// <summary>The leaves of a tree of <paramref name="leafCount"/> that are in no range, ascending.</summary>
    public static IReadOnlyList<LeafRange> Missing(IEnumerable<LeafRange> ranges, int leafCount)
    {
        var missing = new List<LeafRange>();
        var next = 0;
        foreach (var range in ranges.OrderBy(range => range.First).Append(new LeafRange(leafCount, leafCount)))
        {
            if (range.First > next)
                missing.Add(new LeafRange(next, range.First));
            next = Math.Max(next, range.End);
        }

        return missing;
    }

    /// <summary>Some of the leaves, by their positions in the list.</summary>
    public static IEnumerable<LeafRange> Slice(this IEnumerable<LeafRange> ranges, LeafRange positions)
    {
        var position = 0;
        foreach (var range in ranges)
        {
            var (from, to) = (Math.Max(positions.First, position), Math.Min(positions.End, position + range.Count));
            if (from < to)
                yield return new LeafRange(range.First + from - position, range.First + to - position);
            position += range.Count;
        }
    }
}

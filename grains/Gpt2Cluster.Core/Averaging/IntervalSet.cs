namespace Gpt2Cluster.Core.Averaging;

/// <summary>Which elements have been given so far: disjoint ranges, in order, that do not touch.</summary>
public sealed class IntervalSet
{
    private readonly List<(long Start, long End)> ranges = [];

    /// <summary>
    /// Adds <paramref name="start"/> up to <paramref name="end"/>; overlap with what is here is harmless.
    /// </summary>
    public void Add(long start, long end)
    {
        if (start >= end)
            return;
        var first = ranges.FindIndex(range => range.End >= start);
        if (first < 0)
        {
            ranges.Add((start, end));
            return;
        }

        var after = first;
        while (after < ranges.Count && ranges[after].Start <= end)
        {
            start = Math.Min(start, ranges[after].Start);
            end = Math.Max(end, ranges[after].End);
            after++;
        }

        ranges.RemoveRange(first, after - first);
        ranges.Insert(first, (start, end));
    }

    /// <summary>The range around <paramref name="element"/>; empty if it was not given.</summary>
    public (long Start, long End) Around(long element)
    {
        foreach (var range in ranges)
        {
            if (range.Start <= element && element < range.End)
                return range;
        }

        return (element, element);
    }

    /// <summary>Whether every element from <paramref name="start"/> up to <paramref name="end"/> was given.</summary>
    public bool Covers(long start, long end) => Around(start).End >= end;
}

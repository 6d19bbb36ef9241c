using CsCheck;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Tests.Reduction;

/// <summary>Lists of ranges as a worker gets them when others die: any order, no leaf twice, not all leaves.</summary>
internal static class Ranges
{
    public static Gen<(int LeafCount, List<LeafRange> Ranges)> OfTree { get; } =
        from leafCount in Gen.Int[1, 40]
        from cuts in Gen.Bool.Array[leafCount]
        from seed in Gen.Int
        select (leafCount, Some(leafCount, cuts, new Random(seed)));

    /// <summary>Cuts the leaves behind those marked.</summary>
    public static List<LeafRange> Cut(int leafCount, Func<int, bool> cutAfter)
    {
        var ranges = new List<LeafRange>();
        var first = 0;
        for (var end = 1; end <= leafCount; end++)
        {
            if (end < leafCount && !cutAfter(end - 1))
                continue;
            ranges.Add(new LeafRange(first, end));
            first = end;
        }

        return ranges;
    }

    private static List<LeafRange> Some(int leafCount, bool[] cuts, Random random)
    {
        var all = Cut(leafCount, index => cuts[index]).ToArray();
        random.Shuffle(all);
        return [.. all.Take(random.Next(all.Length + 1))];
    }
}

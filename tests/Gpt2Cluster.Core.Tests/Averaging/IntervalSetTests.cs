using CsCheck;
using Gpt2Cluster.Core.Averaging;

namespace Gpt2Cluster.Core.Tests.Averaging;

public sealed class IntervalSetTests
{
    private const int Length = 24;

    [Fact]
    public void CoversWhatASetOfElementsCovers() =>
        (from ranges in Gen.Select(Gen.Int[0, Length], Gen.Int[0, Length]).Array[0, 12]
         from asked in Gen.Select(Gen.Int[0, Length - 1], Gen.Int[1, Length])
         select (ranges, asked)).Sample(sample =>
        {
            var intervals = new IntervalSet();
            var elements = new HashSet<int>();
            foreach (var (start, end) in sample.ranges)
            {
                intervals.Add(start, end);
                elements.UnionWith(Enumerable.Range(start, Math.Max(0, end - start)));
            }

            var (first, after) = (sample.asked.Item1, Math.Max(sample.asked.Item1 + 1, sample.asked.Item2));
            var expected = Enumerable.Range(first, after - first).All(elements.Contains);
            return intervals.Covers(first, after) == expected;
        });
}

using CsCheck;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Core.Tests.Windows;

public sealed class ValidationBatchesTests
{
    private static readonly Gen<(int Tokens, int Length)[]> Parts =
        Gen.Select(Gen.Int[2, 60], Gen.Int[1, 9]).Array[1, 5];

    [Fact]
    public void The_micro_batches_hold_every_window_of_every_part_once_and_in_order() =>
        Gen.Select(Parts, Gen.Int[1, 6]).Sample((parts, size) =>
        {
            var batches = new ValidationBatches(parts.Select(Layout), size);
            var twin = parts.Select(Layout).SelectMany((layout, part) =>
                Enumerable.Range(0, (int)layout.WindowCount).Chunk(size)
                    .Select(windows => new ValidationBatch(part, windows[0], windows.Length))).ToList();
            Assert.Equal(twin, Enumerable.Range(0, batches.Count).Select(index => batches[index]));
            Assert.Equal(parts.Sum(part => part.Tokens - 1L), batches.TargetCount);
        });

    [Fact]
    public void The_windows_of_a_range_are_those_of_its_micro_batches() =>
        Gen.Select(Parts, Gen.Int[1, 6], Gen.Int[0, 90], Gen.Int[0, 90]).Sample((parts, size, one, other) =>
        {
            var batches = new ValidationBatches(parts.Select(Layout), size);
            var (first, end) = (Math.Min(one, other) % (batches.Count + 1), Math.Max(one, other));
            end = Math.Clamp(end, first, batches.Count);
            Assert.Equal(
                Enumerable.Range(first, end - first).Sum(index => (long)batches[index].WindowCount),
                batches.WindowCount(new LeafRange(first, end)));
        });

    [Fact]
    public void A_micro_batch_outside_is_refused()
    {
        var batches = new ValidationBatches([new WindowLayout(10, 4)], 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => batches[-1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => batches[2]);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ValidationBatches([new WindowLayout(10, 4)], 0));
    }

    private static WindowLayout Layout((int Tokens, int Length) part) => new(part.Tokens, part.Length);
}

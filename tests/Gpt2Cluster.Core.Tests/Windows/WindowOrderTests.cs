using CsCheck;
using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Core.Tests.Windows;

public sealed class WindowOrderTests
{
    [Fact]
    public void Each_epoch_uses_every_window_once_however_steps_straddle_it() =>
        Gen.Select(Gen.Int[1, 60], Gen.ULong, Gen.Int[1, 5], Gen.Int[1, 4]).Sample((windows, seed, m, b) =>
        {
            var order = new WindowOrder(windows, seed, m, b);
            var steps = 1 + (3 * windows / (m * b));
            var slots = new List<long>();
            for (var step = 1L; step <= steps; step++)
            {
                for (var microBatch = 0; microBatch < m; microBatch++)
                    slots.AddRange(order.MicroBatch(step, microBatch));
            }

            foreach (var epoch in slots.Chunk(windows).Where(chunk => chunk.Length == windows))
                Assert.Equal(Enumerable.Range(0, windows).Select(window => (long)window), epoch.Order());
            Assert.Equal(slots, Enumerable.Range(0, slots.Count).Select(slot => order.Window(slot)));
        });

    [Fact]
    public void With_one_window_every_slot_is_that_window() =>
        Assert.Equal([0L, 0L, 0L], new WindowOrder(1, 1, 2, 3).MicroBatch(9, 1));

    [Fact]
    public void Epochs_are_counted_by_slots()
    {
        var order = new WindowOrder(10, 1, 2, 4);
        Assert.Equal([0L, 0L, 1L, 2L], new[] { 1L, 2, 3, 4 }.Select(order.Epoch));
        Assert.Equal(1.6, order.EpochsDone(2));
    }

    [Fact]
    public void Positions_outside_are_refused()
    {
        var order = new WindowOrder(10, 1, 2, 4);
        Assert.Throws<ArgumentOutOfRangeException>(() => order.MicroBatch(0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => order.MicroBatch(1, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => order.Window(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new WindowOrder(0, 1, 1, 1));
    }
}

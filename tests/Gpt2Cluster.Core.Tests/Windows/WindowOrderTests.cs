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
            var slots = new List<SourceWindow>();
            for (var step = 1L; step <= steps; step++)
            {
                for (var microBatch = 0; microBatch < m; microBatch++)
                    slots.AddRange(order.MicroBatch(step, microBatch));
            }

            foreach (var epoch in slots.Chunk(windows).Where(chunk => chunk.Length == windows))
            {
                Assert.All(epoch, slot => Assert.Equal(0, slot.Source));
                Assert.Equal(
                    Enumerable.Range(0, windows).Select(window => (long)window),
                    epoch.Select(slot => slot.Window).Order());
            }

            Assert.Equal(slots, Enumerable.Range(0, slots.Count).Select(slot => order.Window(slot)));
        });

    [Fact]
    public void With_one_window_every_slot_is_that_window() =>
        Assert.Equal([default, default, default], new WindowOrder(1, 1, 2, 3).MicroBatch(9, 1));

    /// <summary>
    /// Of runs of before there were mixtures: what they have trained on goes on in the same order.
    /// </summary>
    [Fact]
    public void The_windows_of_one_dataset_are_those_of_its_permutations() =>
        Gen.Select(Gen.Int[1, 60], Gen.ULong, Gen.Long[0, 500]).Sample((windows, seed, slot) => Assert.Equal(
            new SourceWindow(0, new KeyedPermutation(windows, seed, slot / windows)[slot % windows]),
            new WindowOrder(windows, seed, 2, 3).Window(slot)));

    [Fact]
    public void Each_source_has_its_slots_and_epochs_of_its_own_however_steps_are_cut() =>
        Gen.Select(Gen.Select(Gen.Long[1, 9], Gen.Int[1, 20]).Array[1, 4], Gen.ULong, Gen.Int[1, 5], Gen.Int[1, 4])
            .Sample((sources, seed, m, b) =>
            {
                var weights = sources.Select(source => source.Item1).ToList();
                var counts = sources.Select(source => (long)source.Item2).ToList();
                var order = new WindowOrder(new SourceSchedule(weights), counts, seed, m, b);
                var twin = Replayed(weights, counts, seed, 200);
                var steps = 200 / (m * b);
                var found = from step in Enumerable.Range(1, steps)
                            from microBatch in Enumerable.Range(0, m)
                            from window in order.MicroBatch(step, microBatch)
                            select window;
                Assert.Equal(twin.Take(steps * m * b), found);
                Assert.Equal(
                    counts.Select((count, source) =>
                        (double)twin.Take(steps * m * b).Count(slot => slot.Source == source) / count),
                    order.EpochsDone(steps));
                foreach (var (source, count) in counts.Index())
                {
                    var own = twin.Where(slot => slot.Source == source).Select(slot => slot.Window);
                    foreach (var epoch in own.Chunk((int)count).Where(chunk => chunk.Length == count))
                        Assert.Equal(Enumerable.Range(0, (int)count).Select(window => (long)window), epoch.Order());
                }
            });

    [Fact]
    public void Sources_of_one_length_are_gone_through_in_orders_of_their_own()
    {
        var order = new WindowOrder(new SourceSchedule([1, 1]), [100, 100], 1, 1, 1);
        var slots = Enumerable.Range(0, 200).Select(slot => order.Window(slot)).ToLookup(slot => slot.Source);
        Assert.NotEqual(slots[0].Select(slot => slot.Window), slots[1].Select(slot => slot.Window));
    }

    [Fact]
    public void Epochs_are_counted_by_slots()
    {
        var order = new WindowOrder(10, 1, 2, 4);
        Assert.Equal([1.6], order.EpochsDone(2));
    }

    [Fact]
    public void Positions_outside_are_refused()
    {
        var order = new WindowOrder(10, 1, 2, 4);
        Assert.Throws<ArgumentOutOfRangeException>(() => order.MicroBatch(0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => order.MicroBatch(1, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => order.Window(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new WindowOrder(0, 1, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new WindowOrder(new SourceSchedule([1]), [2, 3], 1, 1, 1));
    }

    /// <summary>The order of a mixture, dealt from the first slot on with one counter a source.</summary>
    private static List<SourceWindow> Replayed(List<long> weights, List<long> counts, ulong seed, int slots)
    {
        var (schedule, had, found) = (new SourceSchedule(weights), new long[counts.Count], new List<SourceWindow>());
        for (var slot = 0L; slot < slots; slot++)
        {
            var source = schedule[slot].Source;
            var epoch = new KeyedPermutation(counts[source], seed, had[source] / counts[source], source);
            found.Add(new SourceWindow(source, epoch[had[source]++ % counts[source]]));
        }

        return found;
    }
}

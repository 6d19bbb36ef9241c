using CsCheck;
using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Core.Tests.Windows;

public sealed class SourceScheduleTests
{
    private static readonly Gen<long[]> Weights = Gen.Long[1, 40].Array[1, 8];

    [Fact]
    public void After_any_number_of_slots_each_source_is_less_than_one_window_from_its_share() =>
        Weights.Sample(AssertFair);

    /// <summary>Here dealing by the largest deficit is off by 1.17 windows.</summary>
    [Fact]
    public void So_it_is_with_many_sources() => AssertFair([100, 50, 50, .. Enumerable.Repeat(1L, 100)]);

    [Fact]
    public void Any_slot_is_what_dealing_from_the_first_one_on_gives() =>
        Gen.Select(Weights, Gen.Long[0, 400]).Sample((weights, slot) =>
        {
            var (source, ordinal) = new SourceSchedule(weights)[slot];
            var twin = Dealt(weights, slot + 1);
            Assert.Equal((twin[^1], twin.Count(one => one == source) - 1), (source, (int)ordinal));
            Assert.Equal(
                weights.Select((_, index) => (long)twin.Count(one => one == index)),
                new SourceSchedule(weights).Counts(slot + 1));
        });

    [Fact]
    public void Three_to_one_is_dealt_so() =>
        Assert.Equal([0, 0, 1, 0, 0, 0, 1, 0], First(new SourceSchedule([3, 1]), 8));

    [Fact]
    public void One_source_has_every_slot()
    {
        var schedule = new SourceSchedule([1]);
        Assert.Equal([(0, 0L), (0, 1L), (0, 1_000_000_007L)], new[] { 0, 1, 1_000_000_007L }.Select(k => schedule[k]));
    }

    [Fact]
    public void The_longest_period_of_the_most_sources_is_dealt_exactly()
    {
        const long rest = SourceSchedule.MaxPeriod - SourceSchedule.MaxSourceCount + 1;
        long[] weights = [rest, .. Enumerable.Repeat(1L, SourceSchedule.MaxSourceCount - 1)];
        var schedule = new SourceSchedule(weights);
        Assert.Equal(weights, schedule.Counts(schedule.Period));
        Assert.Equal(weights.Select(weight => 3 * weight), schedule.Counts(3 * schedule.Period));
    }

    [Fact]
    public void What_is_no_weight_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new SourceSchedule([]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SourceSchedule([1, 0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SourceSchedule([SourceSchedule.MaxPeriod, 1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SourceSchedule([long.MaxValue, long.MaxValue, 1]));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            new SourceSchedule(Enumerable.Repeat(1L, SourceSchedule.MaxSourceCount + 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SourceSchedule([1])[-1]);
    }

    private static void AssertFair(long[] weights)
    {
        var schedule = new SourceSchedule(weights);
        var (sum, dealt) = (weights.Sum(), new long[weights.Length]);
        for (var slot = 0L; slot < 2 * sum; slot++)
        {
            dealt[schedule[slot].Source]++;

            // |dealt - (slot + 1) w / W| < 1, in whole numbers.
            for (var source = 0; source < weights.Length; source++)
                Assert.InRange((dealt[source] * sum) - ((slot + 1) * weights[source]), 1 - sum, sum - 1);
        }

        Assert.Equal(weights.Select(weight => 2 * weight), dealt);
    }

    private static List<int> First(SourceSchedule schedule, int slots) =>
        [.. Enumerable.Range(0, slots).Select(slot => schedule[slot].Source)];

    /// <summary>
    /// The rule as its definition says it, slot by slot from the first one of the run on, without periods.
    /// </summary>
    private static List<int> Dealt(long[] weights, long slots)
    {
        var (sum, counts, dealt) = (weights.Sum(), new long[weights.Length], new List<int>());
        while (dealt.Count < slots)
        {
            var next = Enumerable.Range(0, weights.Length)
                .Where(source => (decimal)counts[source] * sum / weights[source] < dealt.Count + 1)
                .OrderBy(source => Math.Ceiling((decimal)(counts[source] + 1) * sum / weights[source]))
                .ThenBy(source => Math.Floor((decimal)counts[source] * sum / weights[source]))
                .ThenBy(source => source)
                .First();
            counts[next]++;
            dealt.Add(next);
        }

        return dealt;
    }
}

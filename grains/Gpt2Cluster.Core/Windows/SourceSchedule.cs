using System.Diagnostics;

namespace Gpt2Cluster.Core.Windows;

/// <summary>
/// Deals the slots of a run to its sources in fixed proportions: a function of the weights alone. After any number of
/// slots each source is less than one window away from its exact share, and after the sum of the weights it has it.
/// </summary>
/// <remarks>
/// A proportionate fair schedule (Baruah, Cohen, Plaxton and Varvel, "Proportionate Progress", Algorithmica 1996) on
/// one processor. With W the sum of the weights, window j of a source of weight w may take the slots from
/// floor(j W / w) on and must have one before ceil((j + 1) W / w); each slot goes to the source that may take it and
/// whose end is the nearest, of equal ones to the one that waits for longest, of those the first. The schedule repeats
/// itself after W slots, so that one period answers for any slot.
/// </remarks>
public sealed class SourceSchedule
{
    /// <summary>The sum of the weights at most: a period is in memory, five bytes a slot.</summary>
    public const long MaxPeriod = 1_000_000;

    /// <summary>Sources at most.</summary>
    public const int MaxSourceCount = 256;

    private readonly long[] weights;
    private readonly byte[] sources;
    private readonly int[] ordinals;

    /// <summary>Deals one period.</summary>
    /// <param name="weights">
    /// Of each source, 1 or more; one to <see cref="MaxSourceCount"/> of them, together <see cref="MaxPeriod"/> at
    /// most.
    /// </param>
    public SourceSchedule(IEnumerable<long> weights)
    {
        this.weights = [.. weights];
        ArgumentOutOfRangeException.ThrowIfNotEqual(this.weights.Length is >= 1 and <= MaxSourceCount, true);
        Array.ForEach(this.weights, weight => ArgumentOutOfRangeException.ThrowIfLessThan(weight, 1));
        Array.ForEach(this.weights, weight => ArgumentOutOfRangeException.ThrowIfGreaterThan(weight, MaxPeriod));
        Period = this.weights.Sum();
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Period, MaxPeriod);
        sources = new byte[Period];
        ordinals = new int[Period];
        Deal();
    }

    /// <summary>How many sources there are.</summary>
    public int SourceCount => weights.Length;

    /// <summary>Slots after which the schedule repeats itself: the sum of the weights.</summary>
    public long Period { get; }

    /// <summary>The source of a slot, and how many slots it had before.</summary>
    /// <param name="slot">Counted from 0 at the start of the run.</param>
    public (int Source, long Ordinal) this[long slot]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(slot);
            var (period, inside) = Math.DivRem(slot, Period);
            var source = sources[inside];
            return (source, (period * weights[source]) + ordinals[inside]);
        }
    }

    /// <summary>Slots of each source among the first <paramref name="slots"/>.</summary>
    public long[] Counts(long slots)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slots);
        var (periods, rest) = Math.DivRem(slots, Period);
        long[] counts = [.. weights.Select(weight => periods * weight)];
        foreach (var source in sources.AsSpan(0, (int)rest))
            counts[source]++;
        return counts;
    }

    private void Deal()
    {
        var dealt = new int[weights.Length];
        var begins = new long[weights.Length];
        long[] ends = [.. weights.Select(weight => End(weight, 0))];
        for (var slot = 0; slot < sources.Length; slot++)
        {
            var source = Next(slot, begins, ends);
            sources[slot] = (byte)source;
            ordinals[slot] = dealt[source]++;
            begins[source] = dealt[source] * Period / weights[source];
            ends[source] = End(weights[source], dealt[source]);
        }
    }

    private static int Next(long slot, long[] begins, long[] ends)
    {
        var next = -1;
        for (var source = 0; source < begins.Length; source++)
        {
            if (begins[source] > slot)
                continue;
            if (next < 0 || (ends[source], begins[source]).CompareTo((ends[next], begins[next])) < 0)
                next = source;
        }

        return next >= 0 ? next : throw new UnreachableException($"No source may take slot {slot}.");
    }

    private long End(long weight, long ordinal) => (((ordinal + 1) * Period) + weight - 1) / weight;
}

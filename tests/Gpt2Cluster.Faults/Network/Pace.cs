namespace Gpt2Cluster.Faults.Network;

/// <summary>What one direction of a link carries: packets leave one behind the other.</summary>
/// <param name="bytesPerSecond">Its rate.</param>
internal sealed class Pace(double bytesPerSecond)
{
    /// <summary>A packet that would wait longer is lost, as at a real link's full queue.</summary>
    private static readonly TimeSpan LongestQueue = TimeSpan.FromMilliseconds(100);

    private TimeSpan free;

    /// <summary>When a packet has left; null if it is lost. Only one thread calls it.</summary>
    /// <param name="now">When it came.</param>
    /// <param name="byteCount">Its length.</param>
    public TimeSpan? Departure(TimeSpan now, int byteCount)
    {
        var begins = free > now ? free : now;
        if (begins - now > LongestQueue)
            return null;
        return free = begins + TimeSpan.FromSeconds(byteCount / bytesPerSecond);
    }
}

namespace Gpt2Cluster.Simulator.Clock;

/// <summary>
/// The one source of randomness of a schedule: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), so that a seed means
/// the same schedule on every machine and under every version of .NET.
/// </summary>
/// <param name="seed">The schedule's seed.</param>
internal sealed class Chance(ulong seed)
{
    private ulong state = seed;

    /// <summary>64 random bits.</summary>
    public ulong Bits()
    {
        state += 0x9E3779B97F4A7C15;
        return Mix(state);
    }

    /// <summary>0 up to below <paramref name="count"/>.</summary>
    public int Below(int count) => (int)Math.BigMul(Bits(), (ulong)count, out _);

    /// <summary><paramref name="first"/> up to and with <paramref name="last"/>.</summary>
    public int Between(int first, int last) => first + Below(last - first + 1);

    /// <summary>0 up to below 1.</summary>
    public double Share() => (Bits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>True with a probability.</summary>
    public bool Happens(double probability) => Share() < probability;

    /// <summary>A time between two, in seconds.</summary>
    public TimeSpan Seconds(double least, double most) =>
        TimeSpan.FromTicks((long)((least + (Share() * (most - least))) * TimeSpan.TicksPerSecond));

    /// <summary>One of several.</summary>
    public T Of<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    /// <summary>The finaliser of SplitMix64: scatters the bits of a number.</summary>
    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}

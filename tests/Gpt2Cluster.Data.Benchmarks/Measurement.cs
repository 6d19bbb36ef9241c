using System.Diagnostics;

namespace Gpt2Cluster.Data.Benchmarks;

/// <summary>What one encoding of the text took, and what came out.</summary>
/// <param name="Processor">Processor time, all threads.</param>
/// <param name="Wall">Time that passed.</param>
/// <param name="TokenCount">Tokens.</param>
/// <param name="Hash">SHA-256 of the ids as uint16, little endian, in lower-case hexadecimal.</param>
internal readonly record struct Measurement(TimeSpan Processor, TimeSpan Wall, int TokenCount, string Hash)
{
    /// <summary>Measures an action of this process.</summary>
    /// <param name="encode">Writes the ids and says how many there are.</param>
    /// <param name="hash">Their hash, outside the measured time.</param>
    public static Measurement Of(Func<int> encode, Func<int, string> hash)
    {
        GC.Collect();
        var processor = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        var count = encode();
        var wall = clock.Elapsed;
        return new Measurement(Environment.CpuUsage.TotalTime - processor, wall, count, hash(count));
    }

    /// <summary>The faster of two: by processor time, or by the wall clock where it is about many cores.</summary>
    public static Measurement Faster(Measurement? left, Measurement right, bool byWall) =>
        left is { } known && (byWall ? known.Wall <= right.Wall : known.Processor <= right.Processor) ? known : right;
}

using System.Diagnostics;

namespace Gpt2Cluster.Faults.Processes;

/// <summary>All that the silos of a cluster have said of their fault points, in the order it was heard.</summary>
internal sealed class Sightings
{
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly List<Sighting> log = [];
    private readonly object gate = new();

    /// <summary>Time since the cluster began.</summary>
    public TimeSpan Now => clock.Elapsed;

    /// <summary>Adds one and wakes whoever waits.</summary>
    public void Add(Sighting sighting)
    {
        lock (gate)
        {
            log.Add(sighting);
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>What was heard at a time or later.</summary>
    public IReadOnlyList<Sighting> Since(TimeSpan time)
    {
        lock (gate)
            return [.. log.SkipWhile(sighting => sighting.At < time)];
    }

    /// <summary>Forgets what was heard before a time.</summary>
    public void Forget(TimeSpan before)
    {
        lock (gate)
            log.RemoveAll(sighting => sighting.At < before);
    }

    /// <summary>Waits for the first sighting since a time that fits.</summary>
    /// <returns>The sighting; null if none came until the deadline.</returns>
    public Sighting? WaitFor(TimeSpan since, TimeSpan deadline, Func<Sighting, bool> fits)
    {
        lock (gate)
        {
            for (var next = FirstSince(since); ;)
            {
                for (; next < log.Count; next++)
                {
                    if (fits(log[next]))
                        return log[next];
                }

                var left = deadline - Now;
                if (left <= TimeSpan.Zero)
                    return null;
                Monitor.Wait(gate, left);
                next = Math.Min(next, log.Count);
            }
        }
    }

    private int FirstSince(TimeSpan time)
    {
        var index = log.FindIndex(sighting => sighting.At >= time);
        return index < 0 ? log.Count : index;
    }
}

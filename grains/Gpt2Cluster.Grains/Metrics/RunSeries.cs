using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Grains.Metrics;

/// <summary>
/// Knows which runs' series are still shown on this silo: those that somebody here works for, and for five minutes
/// those that nobody works for any more.
/// </summary>
/// <param name="time">The clock.</param>
public sealed class RunSeries(TimeProvider time)
{
    /// <summary>How long a run's series stay after its end.</summary>
    public static readonly TimeSpan Afterlife = TimeSpan.FromMinutes(5);

    private readonly Lock gate = new();
    private readonly Dictionary<RunName, Holders> runs = [];

    /// <summary>Somebody begins to work for the run.</summary>
    public void Begin(RunName run, string holder)
    {
        lock (gate)
        {
            if (!runs.TryGetValue(run, out var holders))
                runs.Add(run, holders = new Holders());
            holders.Names.Add(holder);
        }
    }

    /// <summary>Somebody does not work for the run any more.</summary>
    public void End(RunName run, string holder)
    {
        lock (gate)
        {
            if (runs.TryGetValue(run, out var holders) && holders.Names.Remove(holder) && holders.Names.Count == 0)
                holders.EndedAt = time.GetTimestamp();
        }
    }

    /// <summary>Whether the run's series are not shown any more; false for a run never heard of.</summary>
    public bool IsOver(RunName run)
    {
        lock (gate)
        {
            return runs.TryGetValue(run, out var holders)
                && holders.Names.Count == 0
                && time.GetElapsedTime(holders.EndedAt) > Afterlife;
        }
    }

    private sealed class Holders
    {
        public HashSet<string> Names { get; } = new(StringComparer.Ordinal);

        public long EndedAt { get; set; }
    }
}

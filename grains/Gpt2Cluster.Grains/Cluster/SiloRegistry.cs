using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;

namespace Gpt2Cluster.Grains.Cluster;

/// <summary>What is new of a silo that introduces itself.</summary>
public enum RegistrationChange
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>It is new, was started again, or has other workers than before.</summary>
    Joins,

    /// <summary>It was told to stop.</summary>
    Stops,
}

/// <summary>The silos that have introduced themselves lately.</summary>
/// <param name="time">The clock.</param>
public sealed class SiloRegistry(TimeProvider time)
{
    /// <summary>A silo that has said nothing for this long, while it was listened to, is dropped.</summary>
    public static readonly TimeSpan SilenceBound = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Time enough for every silo of the membership to introduce itself to a list that is begun anew.
    /// </summary>
    public static readonly TimeSpan IntroductionBound = TimeSpan.FromSeconds(5);

    /// <summary>
    /// More than this between two sweeps is not counted as silence: the list was waiting for its store or its machine,
    /// and silos could not be heard.
    /// </summary>
    public static readonly TimeSpan LongestSweepGap = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, Entry> entries = [];
    private readonly long begunAt = time.GetTimestamp();
    private long sweptAt = time.GetTimestamp();
    private TimeSpan listened;

    /// <summary>
    /// Whether every silo of the membership has introduced itself since the list was begun, or had the time to.
    /// </summary>
    public bool IsComplete { get; private set; }

    /// <summary>The silos, by name.</summary>
    public IReadOnlyList<SiloDescription> Silos =>
        [.. entries.Values.Select(entry => entry.Silo).OrderBy(silo => silo.Name, StringComparer.Ordinal)];

    /// <summary>All workers in their fixed order: by silo name, then by device.</summary>
    public IReadOnlyList<AssignableWorker> Workers =>
    [
        .. from silo in Silos
           from worker in silo.Workers.OrderBy(worker => worker.DeviceIndex)
           select new AssignableWorker(worker.Key, silo.IsLeaving),
    ];

    /// <summary>Looks whether the list is complete; once it is, it stays so.</summary>
    /// <param name="members">Names of the silos that membership shows as active.</param>
    public void Complete(IReadOnlySet<string> members)
    {
        ArgumentNullException.ThrowIfNull(members);
        IsComplete |= members.All(entries.ContainsKey) || time.GetElapsedTime(begunAt) > IntroductionBound;
    }

    /// <summary>A silo introduces itself.</summary>
    /// <returns>What is new of it.</returns>
    public RegistrationChange Register(SiloDescription silo)
    {
        ArgumentNullException.ThrowIfNull(silo);
        var known = entries.GetValueOrDefault(silo.Name);
        var isNew = known?.Silo.Incarnation != silo.Incarnation;
        entries[silo.Name] = new Entry(silo, listened, !isNew && known!.WasMember);
        if (silo.IsLeaving && (isNew || !known!.Silo.IsLeaving))
            return RegistrationChange.Stops;
        return isNew || !Keys(known!.Silo).SequenceEqual(Keys(silo))
            ? RegistrationChange.Joins
            : RegistrationChange.None;
    }

    /// <summary>Whether a worker's silo is the one that a run refused, and was not started again since.</summary>
    public bool IsSameLife(RefusedWorker worker)
    {
        ArgumentNullException.ThrowIfNull(worker);
        return entries.GetValueOrDefault(GrainKeys.SiloOf(worker.Key))?.Silo.Incarnation == worker.Incarnation;
    }

    /// <summary>Keys of the workers whose devices are not of a kind or class.</summary>
    public IEnumerable<string> KeysOfOthers(DeviceDemand devices) => entries.Values
        .SelectMany(entry => entry.Silo.Workers)
        .Where(worker => !devices.Takes(worker.Kind, worker.Class))
        .Select(worker => worker.Key);

    /// <summary>Another life of a silo of that name; null if none is known.</summary>
    public SiloDescription? Other(SiloDescription silo)
    {
        ArgumentNullException.ThrowIfNull(silo);
        var known = entries.GetValueOrDefault(silo.Name)?.Silo;
        return known?.Incarnation == silo.Incarnation ? null : known;
    }

    /// <summary>A silo leaves.</summary>
    /// <returns>Whether it was known in this life.</returns>
    public bool Remove(string name, string incarnation) =>
        entries.GetValueOrDefault(name)?.Silo.Incarnation == incarnation && entries.Remove(name);

    /// <summary>
    /// Drops silos that left Orleans' membership, and silent ones. A silo may introduce itself before membership shows
    /// it.
    /// </summary>
    /// <param name="members">Names of the silos that membership shows as active.</param>
    /// <returns>The names of those dropped.</returns>
    public IReadOnlyList<string> Sweep(IReadOnlySet<string> members)
    {
        ArgumentNullException.ThrowIfNull(members);
        var elapsed = time.GetElapsedTime(sweptAt);
        listened += elapsed < LongestSweepGap ? elapsed : LongestSweepGap;
        sweptAt = time.GetTimestamp();
        var gone = new List<string>();
        foreach (var (name, entry) in entries)
        {
            var isMember = members.Contains(name);
            if ((entry.WasMember && !isMember) || listened - entry.HeardAt > SilenceBound)
                gone.Add(name);
            entry.WasMember |= isMember;
        }

        gone.ForEach(name => entries.Remove(name));
        return gone;
    }

    private static IEnumerable<string> Keys(SiloDescription silo) => silo.Workers.Select(worker => worker.Key);

    private sealed class Entry(SiloDescription silo, TimeSpan heardAt, bool wasMember)
    {
        public SiloDescription Silo { get; } = silo;

        public TimeSpan HeardAt { get; } = heardAt;

        public bool WasMember { get; set; } = wasMember;
    }
}

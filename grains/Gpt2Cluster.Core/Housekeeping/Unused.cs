using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Core.Housekeeping;

/// <summary>
/// What of a data folder may go. What a run names stays, and so does what a checkpoint on the same disk names: its run
/// goes on from there even if the cluster has lost its record. Of runs only what people have deleted goes: a checkpoint
/// whose run nobody knows may be all that is left of it, and a dataset that a run has named may be what it goes on
/// with, also if its cluster is shut down or has lost its store. While a checkpoint cannot be read, no dataset goes.
/// </summary>
public static class Unused
{
    /// <summary>
    /// What silos remove by themselves has been of no use for this long, unless they are told another time.
    /// </summary>
    public static readonly TimeSpan DefaultAge = TimeSpan.FromDays(7);

    /// <summary>
    /// What is removed on request has been of no use for this long: a dataset that was just sent is named by no run
    /// until that is submitted.
    /// </summary>
    public static readonly TimeSpan RequestedAge = TimeSpan.FromHours(1);

    /// <summary>Decides.</summary>
    /// <param name="things">What lies in one data folder.</param>
    /// <param name="named">What the cluster names.</param>
    /// <param name="now">The time.</param>
    /// <param name="age">
    /// For so long nobody has used what goes. What people have deleted goes whenever that was.
    /// </param>
    /// <returns>Those that may go, in the same order.</returns>
    public static IReadOnlyList<StoredThing> Of(
        IReadOnlyList<StoredThing> things, NamedThings named, DateTimeOffset now, TimeSpan age)
    {
        ArgumentNullException.ThrowIfNull(things);
        ArgumentNullException.ThrowIfNull(named);
        var deleted = new HashSet<StoredThing>(
            things.Where(thing => thing.Kind == ThingKind.Checkpoint && !thing.IsUnreadable
                && IsDeleted(thing.Run!, thing.Life, named)),
            ReferenceEqualityComparer.Instance);
        var areAllNeeded = things.Any(thing => thing.Kind == ThingKind.Checkpoint && thing.IsUnreadable);
        var ofCheckpoints = things.Where(thing => !deleted.Contains(thing)).SelectMany(thing => thing.Datasets)
            .ToHashSet(StringComparer.Ordinal);
        return
        [
            .. things.Where(thing => thing.Kind == ThingKind.Checkpoint
                ? deleted.Contains(thing)
                : !thing.IsInUse && now - thing.UsedAt >= AgeOf(thing) && !IsNamed(thing)),
        ];

        // People go on with it when they find the time.
        TimeSpan AgeOf(StoredThing thing) =>
            thing.Kind == ThingKind.Download && age < DefaultAge ? DefaultAge : age;

        bool IsNamed(StoredThing thing) => thing.Kind == ThingKind.Dataset
            && (named.Datasets.Contains(thing.Name) || ofCheckpoints.Contains(thing.Name)
                || areAllNeeded || thing.NamedBy.Any(run => !IsDeleted(run, named)));
    }

    /// <summary>
    /// Whether people have deleted a run that has named a dataset. Of another cluster's runs, and of those without a
    /// life, nobody knows that.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="named">What the cluster names.</param>
    public static bool IsDeleted(NamingRun run, NamedThings named)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(named);
        return run.Life.Length > 0 && run.Cluster == named.Cluster && IsDeleted(run.Run, run.Life, named);
    }

    /// <summary>
    /// Whether people have deleted the run that wrote a checkpoint. Nobody knows that of the life without a name: every
    /// run of the name in older versions was one, so none of their checkpoints goes.
    /// </summary>
    /// <param name="run">The name of the run.</param>
    /// <param name="life">
    /// The life that wrote it; null where its manifest cannot be read: it may be another run's that has the name now.
    /// </param>
    /// <param name="named">What the cluster names.</param>
    public static bool IsDeleted(string run, string? life, NamedThings named)
    {
        ArgumentNullException.ThrowIfNull(named);
        var lives = named.Deleted.Where(each => each.Run == run).SelectMany(each => each.Lives)
            .Where(each => each != RunRecord.UnnamedLife).ToList();
        return life is null ? lives.Count > 0 && !named.Runs.Contains(run) : lives.Contains(life);
    }
}

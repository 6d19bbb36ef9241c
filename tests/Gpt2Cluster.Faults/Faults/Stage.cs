using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Processes;
using Gpt2Cluster.Faults.Training;

namespace Gpt2Cluster.Faults.Faults;

/// <summary>
/// A cluster that trains the same run again and again, and what is done to it. After each fault the run must go on, be
/// served by everybody again, and have the undisturbed run's bits.
/// </summary>
internal sealed class Stage : IDisposable
{
    // A survivor is in the middle of one micro-batch when it is interrupted; where the store goes too, that is twice.
    private const int InterruptedAtMost = 2;

    // Steps that a fault is given to happen in before the run ends.
    private const int StepsAhead = 40;

    // Faults come later, so that the normal time of a step is known and a checkpoint is there.
    private const int FirstStep = 22;

    // What a silo ends with that was declared dead; its supervisor starts it again.
    private const int AsksForRestart = 75;

    // Where the store was out of touch with a silo, the others' word that it is dead arrives so much later at most.
    private static readonly TimeSpan LateWord = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Slice = TimeSpan.FromSeconds(1);

    // Points that only some silos come to are looked for in the others after this much, whichever is over first: every
    // point comes within 14 steps more, and the run must not end before.
    private const int StepsForVictim = 12;
    private static readonly TimeSpan PatienceForVictim = TimeSpan.FromSeconds(6);

    private readonly Reference reference;
    private readonly bool isFirstSiloSpared;
    private WatchedRun? run;
    private int runCount;
    private TimeSpan? inTouchAgain;

    /// <summary>Takes a cluster over; the run begins with the first fault.</summary>
    public Stage(Reference reference, Cluster cluster, bool isFirstSiloSpared)
    {
        this.reference = reference;
        this.isFirstSiloSpared = isFirstSiloSpared;
        Cluster = cluster;
        Cluster.Interrupted += () => run?.Dispose();
    }

    /// <summary>The cluster.</summary>
    public Cluster Cluster { get; }

    /// <summary>Runs that were begun.</summary>
    public int RunCount => runCount;

    private Sightings Sightings => Cluster.Sightings;

    /// <summary>How often a silo ended as it had been declared dead.</summary>
    private int DeclaredDead => Cluster.Silos.Sum(silo => silo.OwnEnds.Count(code => code == AsksForRestart));

    /// <summary>Lets a fault happen at a point, and sees the run through it.</summary>
    /// <param name="cell">The fault.</param>
    /// <param name="waitsForHash">Whether to wait for a checkpoint to compare.</param>
    /// <exception cref="FaultFailedException">The run did not survive it.</exception>
    public Outcome Strike(Cell cell, bool waitsForHash)
    {
        var (fault, point) = (cell.Fault, cell.Point);
        ReadyRun();
        var stopped = StopAt(cell, out var coordinator);
        var target = TargetOf(fault, stopped, coordinator);
        var began = Sightings.Now;
        var warnedCount = run!.Warnings.Count;
        var endCount = DeclaredDead;
        fault.Begin(Cluster, target);
        Cluster.Pass(point);
        var mayDeclareDead = fault.MayDeclareDead || began - inTouchAgain < LateWord;
        var recovered = SeeThrough(fault, target, began, warnedCount);
        inTouchAgain = fault.MayDeclareDead ? Sightings.Now : inTouchAgain;
        var aftermath = new Aftermath(Sightings.Since(TimeSpan.Zero), began);
        foreach (var silo in Cluster.Silos)
            silo.Restart();
        AwaitEverybody();
        var (again, dead) = aftermath.Again(recovered, [.. Cluster.Silos.Select(silo => silo.ProcessId)]);
        var outcome = new Outcome
        {
            Point = point,
            Fault = fault.Name,
            Store = Cluster.Kind,
            Target = $"{target.Name}, {stopped.Step}",
            Recovery = Positive(aftermath.LongestGap(recovered) - aftermath.NormalStepTime),
            StepTime = aftermath.NormalStepTime,
            AgainCount = again,
            DeadCount = dead,
            LostSteps = aftermath.LostSteps(recovered),
            EqualAtStep = waitsForHash ? AwaitHash(run!.LastStep - 1) : null,
        };
        if (outcome.LostSteps > fault.LostStepsAtMost)
            throw Failed(Failure.Broken, $"{outcome.LostSteps} committed steps were lost");
        if (fault.CostsOneShare && again - dead > InterruptedAtMost * (Cluster.Silos.Count - 1))
            throw Failed(Failure.Broken, $"{again} micro-batches were computed again, {dead} were the dead silo's");
        if (DeclaredDead > endCount && !mayDeclareDead)
            throw Failed(Failure.Broken, "a silo that lived was declared dead");
        CheckRun();
        Sightings.Forget(recovered);
        return outcome;
    }

    /// <summary>Waits for the end of the run and compares its last bits too.</summary>
    public void FinishRun()
    {
        if (run is null)
            return;
        if (!run.WaitUntil(watched => watched.IsOver, reference.Plan.Steps * Slice))
            throw Failed(Failure.Hung, $"run {run.Name} did not end");
        CheckRun();
        if (!run.Hashes.ContainsKey(reference.Plan.Steps))
            throw Failed(Failure.Broken, $"run {run.Name} ended without its last checkpoint");
        run.Dispose();
        run = null;
    }

    public void Dispose()
    {
        run?.Dispose();
        Cluster.Dispose();
    }

    private static TimeSpan Positive(TimeSpan time) => time > TimeSpan.Zero ? time : TimeSpan.Zero;

    /// <summary>A run that everybody serves and that goes on for a while.</summary>
    private void ReadyRun()
    {
        var begins = run is null || run.IsOver || run.LastStep + StepsAhead > reference.Plan.Steps;
        if (begins)
        {
            FinishRun();
            Sightings.Forget(Sightings.Now);
            var name = $"run{++runCount}";
            var words = reference.Plan.Words(name, reference.Model).Append("--cluster").Append(Cluster.Gateways);
            Cluster.Run = name;
            run = WatchedRun.Start(name, words, Path.Combine(Cluster.Folder, "client"));
        }

        AwaitEverybody();
        // The last run's record is stored once more when its last copy is made, at a step that this one is far from.
        if (begins)
            Sightings.Forget(Sightings.Now);
    }

    /// <summary>Waits until every silo's process of now has applied a step, of this run or the next one.</summary>
    private void AwaitEverybody()
    {
        var since = Sightings.Now;
        var deadline = Deadline.In(Deadlines.EverybodyServes);
        while (Idle(since) is { } idle)
        {
            if (run!.IsOver)
            {
                ReadyRun();
                return;
            }

            if (deadline.IsOver)
                throw Failed(Failure.Hung, $"silo {idle.Name} does not serve run {run!.Name}, step {run.LastStep}");
            Sightings.WaitFor(since, Sightings.Now + Slice, sighting => IsServed(sighting, idle));
        }
    }

    private Silo? Idle(TimeSpan since)
    {
        var heard = Sightings.Since(since);
        return Cluster.Silos.FirstOrDefault(silo => !heard.Any(sighting => IsServed(sighting, silo)));
    }

    private static bool IsServed(Sighting sighting, Silo silo) =>
        sighting.Point == FaultPoint.Applied && sighting.Process == silo.ProcessId;

    /// <summary>Stops a thread at the point: in the silo that is to be struck, or where it comes by.</summary>
    private Sighting StopAt(Cell cell, out Silo coordinator)
    {
        var (fault, point) = (cell.Fault, cell.Point);
        var since = Sightings.Now;
        coordinator = Cluster.Coordinator(TimeSpan.Zero);
        var isJoin = point == FaultPoint.StateTransfer;
        var step = isJoin ? 0 : Math.Max(run!.LastStep, FirstStep) + cell.StepsFromNow;
        Cluster.Arm(Wanted(fault, point, coordinator), point, step, cell.PassesBefore);
        if (isJoin)
            LetOneJoin(coordinator);
        if (StoppedSoon(point, since, isJoin ? long.MaxValue : step + StepsForVictim) is { } stopped)
            return stopped;
        Cluster.Arm(Cluster.Silos, point, step, skip: 0);
        if (Stopped(point, since, Deadlines.Point) is { } anywhere)
            return anywhere;
        Cluster.Pass(point);
        throw Failed(Failure.Hung, $"nobody came to {point} from step {step} on");
    }

    private Sighting? Stopped(FaultPoint point, TimeSpan since, TimeSpan bound) => Sightings.WaitFor(
        since, Sightings.Now + bound, sighting => IsStopped(sighting, point));

    /// <summary>As above, and no longer than until a step is committed.</summary>
    private Sighting? StoppedSoon(FaultPoint point, TimeSpan since, long lastStep)
    {
        var first = Sightings.WaitFor(since, Sightings.Now + PatienceForVictim, sighting =>
            IsStopped(sighting, point) || (sighting.Point == FaultPoint.Committed && sighting.Step >= lastStep));
        return first is { } sighting && IsStopped(sighting, point) ? sighting : null;
    }

    private static bool IsStopped(Sighting sighting, FaultPoint point) =>
        sighting.IsStopped && sighting.Point == point;

    /// <summary>The joiner copies a replica: a silo that does not coordinate dies and is back at once.</summary>
    private void LetOneJoin(Silo coordinator) =>
        Cluster.Silos.Skip(1).Last(silo => silo != coordinator).Kill(restarts: true);

    private IEnumerable<Silo> Wanted(Fault fault, FaultPoint point, Silo coordinator) => point switch
    {
        FaultPoint.Planning or FaultPoint.Committing or FaultPoint.Committed => [coordinator],
        FaultPoint.StateTransfer => Cluster.Silos,
        _ => Cluster.Silos.Where(silo => Fits(fault, silo, coordinator)),
    };

    private bool Fits(Fault fault, Silo silo, Silo coordinator) => fault.Victim switch
    {
        Victim.Worker => silo != coordinator && !(isFirstSiloSpared && silo == Cluster.Silos[0]),
        Victim.Coordinator => silo == coordinator,
        _ => true,
    };

    private Silo TargetOf(Fault fault, Sighting stopped, Silo coordinator)
    {
        var there = Cluster.Silos.First(silo => silo.Name == stopped.Silo);
        return Fits(fault, there, coordinator)
            ? there
            : Cluster.Silos.Last(silo => Fits(fault, silo, coordinator));
    }

    /// <summary>Waits until a step is committed that was planned after the fault, and ends the fault in time.</summary>
    /// <returns>When that was.</returns>
    private TimeSpan SeeThrough(Fault fault, Silo target, TimeSpan began, int warnedCount)
    {
        var isOutlived = fault.IsOutlived(Cluster, target);
        var recovered = Recovered(began, isOutlived ? began + Deadlines.Recovery : began + fault.Lasts);
        if (isOutlived && recovered is null)
            throw Failed(Failure.Hung, $"no step was committed while {fault.Name} lasted, in run {run!.Name}");
        if (!run!.WaitUntil(watched => fault.IsTold(watched.Warnings.Skip(warnedCount)), Deadlines.Recovery))
            throw Failed(Failure.Broken, $"nobody was told of {fault.Name}");
        // What strikes only later, as a full disk does, must be outlived from when it was told.
        var hasStruckLater = isOutlived && fault.Lasts == TimeSpan.Zero;
        if (hasStruckLater && Recovered(Sightings.Now, Sightings.Now + Deadlines.Recovery) is null)
            throw Failed(Failure.Hung, $"no step was committed once {fault.Name} was told, in run {run.Name}");
        var left = began + fault.Lasts - Sightings.Now;
        if (left > TimeSpan.Zero)
            Sightings.WaitFor(Sightings.Now, began + fault.Lasts, _ => false);
        fault.End(Cluster, target);
        return (recovered ?? Recovered(began, Sightings.Now + Deadlines.Recovery))?.At
            ?? throw Failed(Failure.Hung, $"no step was committed after {fault.Name} in run {run.Name}");
    }

    private Sighting? Recovered(TimeSpan began, TimeSpan deadline)
    {
        var last = new Aftermath(Sightings.Since(TimeSpan.Zero), began).LastCommitted;
        var planned = new HashSet<long>();
        return Sightings.WaitFor(began, deadline, sighting =>
        {
            if (sighting.Point == FaultPoint.Planning)
                planned.Add(sighting.Step);
            if (sighting.Point != FaultPoint.Committed || sighting.Step <= last)
                return false;

            // One that was planned before the fault can still be committed, and be lost again with everybody.
            last = sighting.Step;
            return planned.Contains(sighting.Step);
        });
    }

    private long AwaitHash(long after)
    {
        var isThere = run!.WaitUntil(
            watched => watched.Hashes.Keys.Any(step => step > after && reference.Hashes.ContainsKey(step)),
            Deadlines.Recovery);
        return isThere
            ? run.Hashes.Keys.Where(step => step > after && reference.Hashes.ContainsKey(step)).Max()
            : throw Failed(Failure.Hung, $"no checkpoint of run {run.Name} after step {after}");
    }

    private void CheckRun()
    {
        var crashed = Cluster.Silos.FirstOrDefault(silo => silo.OwnEnds.Any(code => code != AsksForRestart));
        if (crashed is not null)
            throw Failed(Failure.Broken, $"silo {crashed.Name} ended with {string.Join(", ", crashed.OwnEnds)}");
        if (run!.Fault is { } fault)
            throw Failed(Failure.Broken, fault);
        if (reference.Difference(run) is { } difference)
            throw Failed(Failure.Mismatch, difference);
    }

    private FaultFailedException Failed(Failure kind, string what) => new(
        kind, $"{kind}: {what}. The cluster's folder is {Cluster.Folder}.\n{run?.LastWords}\n{Cluster.LogTails()}");
}

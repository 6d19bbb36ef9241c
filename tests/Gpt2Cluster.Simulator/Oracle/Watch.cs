using System.Runtime.InteropServices;
using System.Text.Json;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Runs;
using Gpt2Cluster.Simulator.Silos;
using Gpt2Cluster.Simulator.Workers;

namespace Gpt2Cluster.Simulator.Oracle;

/// <summary>What a stored record says of where the run stands.</summary>
internal sealed record StoredStand(
    RunStatus Status, int Generation, long CommittedStep, string? Remark, IReadOnlyList<CheckpointEntry> Checkpoints);

/// <summary>
/// Looks on while a schedule runs and says at once what was promised and does not hold.
/// </summary>
internal sealed class Watch(SimulatedCluster cluster, UndisturbedRun undisturbed)
{
    // A coordinator knows of a worker that has been in touch for this long.
    private static readonly TimeSpan LongInTouch = TimeSpan.FromSeconds(20);

    private Recomputation recomputation = new();
    private StoredStand? newest;
    private IReadOnlyList<string> outbox = [];

    /// <summary>Faults under which only what the dead held is computed again, and no committed step is lost.</summary>
    private static readonly Schedules.Fault[] Losses =
    [
        Schedules.Fault.SiloKilled, Schedules.Fault.CoordinatorKilled, Schedules.Fault.SiloJoined,
        Schedules.Fault.PauseAsked, Schedules.Fault.CancelAsked, Schedules.Fault.NotFinite,
        Schedules.Fault.ConnectionBroken, Schedules.Fault.MessageRepeated, Schedules.Fault.DiskFull,
        Schedules.Fault.FileDamaged, Schedules.Fault.SiloLeft,
    ];

    /// <summary>The first promise that was broken; null while all hold.</summary>
    public string? FirstBroken { get; private set; }

    /// <summary>The run that nothing happens to.</summary>
    public UndisturbedRun Undisturbed => undisturbed;

    /// <summary>The record that was stored last; null before the first, and after the store was lost.</summary>
    public StoredStand? Newest => newest;

    /// <summary>Whether the list of events holds all that the newest record has brought.</summary>
    public bool AreEventsTold => outbox.All(cluster.Store.Events.Contains);

    /// <summary>A promise is broken.</summary>
    public void Broken(string promise)
    {
        FirstBroken ??= promise;
        cluster.Trace.Say($"BROKEN: {promise}");
    }

    /// <summary>The store lost everything: what it said before is forgotten.</summary>
    public void ForgetRecord() => (newest, outbox, recomputation) = (null, [], new Recomputation());

    /// <summary>A record was stored.</summary>
    public void Stored(string key, object value)
    {
        if (value is not StoredRun { RecordJson: { } json })
            return;
        var record = JsonSerializer.Deserialize<StoredStand>(json, SpecificationJson.Options)!;
        var kept = string.Join(' ', record.Checkpoints.Select(entry => entry.Step));
        var (status, generation, step) = (record.Status, record.Generation, record.CommittedStep);
        cluster.Trace.Say($"stored: {status} g{generation} step {step} [{kept}] {record.Remark}");
        if (newest is not null && record.Generation < newest.Generation)
            Broken($"The generation fell from {newest.Generation} to {record.Generation}.");
        if (newest is not null && record.CommittedStep < newest.CommittedStep)
            Broken($"Committed step {newest.CommittedStep} became {record.CommittedStep}.");
        foreach (var entry in record.Checkpoints)
        {
            if (entry.StateHash != HashAfter(entry.Step))
                Broken($"The catalogue's checkpoint of step {entry.Step} has another hash than the undisturbed run.");
        }

        (newest, outbox) = (record, ((StoredRun)value).Outbox);
    }

    /// <summary>A worker begins to compute a plan.</summary>
    public void Planned(WorkerId worker, PlanStep plan)
    {
        var last = undisturbed.LastStep + (undisturbed.End.Status == RunStatus.Failed ? 1 : 0);
        if (plan.Step > last)
            Broken($"{worker} is to compute step {plan.Step} of a run that ends at {undisturbed.LastStep}.");
    }

    /// <summary>A coordinator sends a worker an order.</summary>
    public void Ordered(WorkerId worker, RunCommand order)
    {
        if (order is PlanStep plan)
            recomputation.Ordered(worker, plan);
        if (order is PrepareReplica prepare && prepare.Source != ReplicaSource.Keep)
            LookForLostSteps(prepare);
    }

    /// <summary>A worker has computed a micro-batch.</summary>
    public void Computed(WorkerService service, WorkerId worker, PlanStep plan, int leaf)
    {
        cluster.Trace.Say($"{worker} has computed micro-batch {leaf} of step {plan.Step}");
        // What stops a run is not applied, so nothing but the report says that it was done.
        if (plan.Step == cluster.Model.Culprit?.Step)
            return;
        recomputation.Computed(service, worker, plan, leaf);
        if (recomputation.FirstNeedless is { } needless && cluster.Tally.IsOnly(Losses))
            Broken(needless);
    }

    /// <summary>A worker has done a step: its replica must be that of the undisturbed run.</summary>
    public void Reported(WorkerService service, WorkerId worker, SimulatedReplica replica, StepReported report)
    {
        recomputation.Applied(service, report.Step);
        if (cluster.Mutant == Schedules.Mutant.None && !recomputation.IsDivided(report.Step, report.Generation))
            Broken($"Two plans of step {report.Step}, generation {report.Generation}, have a micro-batch in common.");
        cluster.Trace.Say($"{worker} stands at step {replica.Step} in generation {report.Generation}");
        if (!report.Applied)
            cluster.Tally.Count(Schedules.Fault.NotFinite);
        if (replica.Step > undisturbed.LastStep || !IsRight(replica))
            Broken($"{worker} has other bits after step {replica.Step} than the undisturbed run.");
    }

    /// <summary>A replica was loaded or copied: it must be that of the undisturbed run, too.</summary>
    public void Brought(WorkerId worker, SimulatedReplica replica)
    {
        cluster.Trace.Say($"{worker} has a replica of step {replica.Step}");
        if (replica.Step > undisturbed.LastStep || !IsRight(replica))
            Broken($"{worker} was brought another replica of step {replica.Step} than that of the undisturbed run.");
    }

    /// <summary>The state hash after a step; null beyond the run's end.</summary>
    public string? HashAfter(long step) => step <= undisturbed.LastStep ? undisturbed.States[(int)step].Hash : null;

    // Where a replica of the last committed step has been in touch all the time, nothing goes back before it.
    private void LookForLostSteps(PrepareReplica order)
    {
        if (newest is null || order.Step >= newest.CommittedStep || order.Generation < newest.Generation)
            return;
        if (!cluster.Tally.IsOnly(Losses) || cluster.Timeline.Now - cluster.LastEndAt < LongInTouch)
            return;
        var holders = cluster.Silos.SelectMany(silo => silo.Workers)
            .Where(worker => worker.Service?.Standing >= newest.CommittedStep);
        if (holders.FirstOrDefault() is { } holder)
            Broken($"The run goes back to step {order.Step}, and {holder.Key} holds step {newest.CommittedStep}.");
    }

    private bool IsRight(SimulatedReplica replica)
    {
        var expected = undisturbed.States[(int)replica.Step];
        return HaveSameBits(replica.Parts[0], expected.Parameters)
            && HaveSameBits(replica.Parts[1], expected.First)
            && HaveSameBits(replica.Parts[2], expected.Second);
    }

    private static bool HaveSameBits(float[] one, float[] other) =>
        MemoryMarshal.AsBytes<float>(one).SequenceEqual(MemoryMarshal.AsBytes<float>(other));
}

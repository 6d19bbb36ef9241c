using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Simulator.Disk;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Silos;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gpt2Cluster.Simulator.Oracle;

/// <summary>What must hold once a run has ended: its end, its last checkpoint, its windows and its events.</summary>
internal static class EndCheck
{
    private static readonly TimeSpan SettledAfter = TimeSpan.FromSeconds(10);

    private static readonly Fault[] HarmlessToDisks =
    [
        Fault.MessageRepeated, Fault.MessageDelayed, Fault.RangeDamaged, Fault.ConnectionBroken, Fault.PauseAsked,
        Fault.CancelAsked, Fault.DeviceFailed, Fault.NotFinite, Fault.CoordinatorDoubled,
    ];

    /// <summary>Looks at everything.</summary>
    public static void Look(SimulatedCluster cluster, People people)
    {
        var end = people.End!;
        LookAtEnd(cluster, people, end);
        LookAtCheckpoint(cluster, end);
        LookAtCopies(cluster, people);
        LookAtWindows(cluster);
        LookAtEvents(cluster);
    }

    private static void LookAtEnd(SimulatedCluster cluster, People people, RunDescription end)
    {
        var undisturbed = cluster.Watch.Undisturbed;
        var (status, step) = (end.Summary.Status, end.Summary.Step);
        var expected = undisturbed.End.Status is RunStatus.Completed or RunStatus.EarlyStopped
            ? undisturbed.End.Status
            : RunStatus.Failed;
        if (people.IsCancellationTaken && status is RunStatus.Completed or RunStatus.EarlyStopped
            && cluster.Tally[Fault.StoreLost] == 0)
            cluster.Watch.Broken($"The run was to be cancelled, and is {status}.");
        if (status == RunStatus.Cancelled && people.HasCancelled)
            return;
        if (status != expected || step != undisturbed.LastStep)
        {
            cluster.Watch.Broken(
                $"The run is {status} at step {step}; the undisturbed one is {expected} at {undisturbed.LastStep}.");
        }
    }

    // The one of the step it ended at verifies on some disk, unless there is nothing to keep or nobody could write it.
    private static void LookAtCheckpoint(SimulatedCluster cluster, RunDescription end)
    {
        var step = end.Summary.Step;
        var isKept = end.Record.Checkpoints.Any(entry => entry.Step == step);
        var mayLack = step == 0 || end.Summary.Status is RunStatus.Cancelled or RunStatus.Failed;
        if (!isKept)
        {
            if (!mayLack)
                cluster.Watch.Broken($"The run ended at step {step}, and no checkpoint of it is in the catalogue.");
            return;
        }

        // Its disk may have been lost since.
        if (cluster.Tally[Fault.DiskReplaced] + cluster.Tally[Fault.FileDamaged] > 0)
            return;
        if (!cluster.Machines.Exists(machine => Verifies(cluster, machine, step)))
            cluster.Watch.Broken($"The checkpoint of the last step {step} verifies on no disk.");
    }

    // Where nothing is wrong with disks and nobody is away, the last checkpoint of a run that is done lies on two. One
    // that could not be copied is warned of, and tried again half a minute later at most.
    private static void LookAtCopies(SimulatedCluster cluster, People people)
    {
        var end = people.End!;
        var isDone = end.Summary.Status is RunStatus.Completed or RunStatus.EarlyStopped;
        // A run of a second or two may be over before all silos have come.
        if (people.EndedAt < SettledAfter)
            return;
        var isWarned = cluster.Store.Events.Exists(line => line.Contains("could not be copied"));
        if (!isDone || isWarned || !cluster.Tally.IsOnly(HarmlessToDisks))
            return;
        var disks = cluster.Machines.DistinctBy(machine => machine.Disk).ToList();
        var copyCount = disks.Count(machine => Verifies(cluster, machine, end.Summary.Step));
        if (copyCount < Math.Min(2, disks.Count))
            cluster.Watch.Broken($"The last checkpoint lies on {copyCount} of {disks.Count} disks.");
    }

    private static bool Verifies(SimulatedCluster cluster, Machine machine, long step)
    {
        try
        {
            var disk = new MountedDisk(machine.Disk, cluster.Model.ElementCount, () => Task.CompletedTask);
            var store = new CheckpointStore(
                Silo.ContextOf(machine, null!), disk, NullLogger<CheckpointStore>.Instance);
            store.Read(
                SimulatedCluster.RunName.Run(),
                new CheckpointEntry(step, cluster.Watch.HashAfter(step)!, machine.Name.Silo(), "", null),
                Enum.GetValues<ReplicaPart>(),
                (_, _, _, _) => { },
                CancellationToken.None);
            return true;
        }
        catch (Exception problem) when (problem is InvalidDataException or IOException)
        {
            return false;
        }
    }

    // Equal bits say that each step had its own windows; this says that those are each window once per epoch.
    private static void LookAtWindows(SimulatedCluster cluster)
    {
        var order = cluster.Specification.WindowOrder();
        var slots = cluster.Watch.Undisturbed.LastStep * order.SlotsPerStep;
        var windows = order.WindowCounts.Single();
        var used = Enumerable.Range(0, (int)slots).Select(slot => (slot / windows, order.Window(slot).Window));
        if (used.Distinct().Count() != slots)
            cluster.Watch.Broken("A window was used twice in one epoch.");
    }

    private static void LookAtEvents(SimulatedCluster cluster)
    {
        if (cluster.Tally[Fault.StoreLost] > 0)
            return;
        var undisturbed = cluster.Watch.Undisturbed;
        var once = new HashSet<string>();
        var (lastStep, unknown) = (0L, new List<string>());
        foreach (var line in cluster.Store.Events)
        {
            if (!RunEventJson.TryRead(line, out var told))
            {
                cluster.Watch.Broken($"An event cannot be read: {line}");
                continue;
            }

            var name = told switch
            {
                StepEvent step => $"step {step.Step}",
                ValidationEvent validation => $"validation {validation.Step}",
                SampleEvent sample => $"sample {sample.Step} {sample.Index}",
                MembershipEvent membership => $"generation {membership.Generation} of {membership.Workers}",
                _ => null,
            };
            if (name is not null && !once.Add(name))
                cluster.Watch.Broken($"The event of {name} was published twice.");
            if (told is StepEvent { Step: var number, Loss: var loss })
            {
                if (number <= lastStep)
                    cluster.Watch.Broken($"The event of step {number} came after that of step {lastStep}.");
                if (!loss.Equals(undisturbed.Losses[(int)number - 1]))
                    cluster.Watch.Broken($"Step {number} was told with another loss than the undisturbed run's.");
                lastStep = number;
            }

            if (told is WarningEvent { Message: var message })
                unknown.Add(message);
            if (told is ValidationEvent { Step: var at, Loss: var sum } && !sum.Equals(undisturbed.Validations[at]))
                cluster.Watch.Broken($"The validation of step {at} is not the undisturbed run's.");
        }

        for (var step = 1; step <= cluster.Watch.Newest?.CommittedStep; step++)
        {
            // A coordinator that died between a step's application and its commit leaves a warning instead.
            if (!once.Contains($"step {step}") && !unknown.Exists(said => said.StartsWith($"Step {step} was applied")))
                cluster.Watch.Broken($"Step {step} was committed, and no event tells of it.");
        }
    }
}

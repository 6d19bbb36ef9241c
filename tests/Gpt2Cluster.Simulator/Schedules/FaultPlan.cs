using Gpt2Cluster.Simulator.Clock;
using Gpt2Cluster.Simulator.Network;
using Gpt2Cluster.Simulator.Silos;
using Gpt2Cluster.Simulator.Store;

namespace Gpt2Cluster.Simulator.Schedules;

/// <summary>
/// When which fault comes, and how long it lasts. After the last one everything is mended: from then on the run must
/// end within <see cref="Simulation.CalmBound"/>.
/// </summary>
internal sealed class FaultPlan
{
    private const int MaxFaults = 8;

    // Longer than anybody waits for a checkpoint.
    private const double MaxHang = 400;

    private readonly SimulatedCluster cluster;
    private readonly People people;
    private readonly Chance chance;

    private FaultPlan(SimulatedCluster cluster, People people)
    {
        this.cluster = cluster;
        this.people = people;
        chance = cluster.Chance;
    }

    /// <summary>When everything is mended.</summary>
    public TimeSpan CalmAt { get; private set; }

    private TimeSpan Now => cluster.Timeline.Now;

    /// <summary>Draws the faults of a schedule and lets them come.</summary>
    public static FaultPlan Draw(SimulatedCluster cluster, People people)
    {
        var plan = new FaultPlan(cluster, people);
        plan.DrawMessageFaults();
        var count = plan.chance.Below(MaxFaults + 1);
        var length = plan.chance.Of([2.0, 10.0, 40.0]);
        for (var fault = 0; fault < count; fault++)
        {
            var at = plan.chance.Seconds(0.5, length);
            var kind = plan.DrawKind();
            var calm = kind == Fault.DiskHung ? at + TimeSpan.FromSeconds(MaxHang) : at;
            plan.CalmAt = calm > plan.CalmAt ? calm : plan.CalmAt;
            cluster.Timeline.After(at, null, () => plan.Strike(kind));
        }

        plan.CalmAt += plan.chance.Seconds(0.1, 5);
        cluster.Timeline.After(plan.CalmAt, null, plan.Mend);
        return plan;
    }

    private void DrawMessageFaults()
    {
        if (chance.Happens(0.3))
            return;
        cluster.Network.Faults = new MessageFaults(
            chance.Of([0, 0, 0.002, 0.02]),
            chance.Of([0, 0.01, 0.1]),
            chance.Of([0, 0.02, 0.2]),
            chance.Of([0.05, 0.5, 3]),
            chance.Of([0, 0.02]));
    }

    private Fault DrawKind() => chance.Of(
    [
        Fault.SiloKilled, Fault.SiloKilled, Fault.SiloKilled, Fault.CoordinatorKilled, Fault.CoordinatorKilled,
        Fault.AllKilled, Fault.SiloFrozen, Fault.Partitioned, Fault.PartitionedOneWay, Fault.FalselyDeclaredDead,
        Fault.CoordinatorDoubled, Fault.SiloLeft, Fault.SiloJoined, Fault.StoreAway, Fault.StoreLost, Fault.DiskFull,
        Fault.DiskTorn, Fault.FileDamaged, Fault.DiskReplaced, Fault.PauseAsked, Fault.PauseAsked, Fault.CancelAsked,
        Fault.ConnectionBroken, Fault.DiskHung,
    ]);

    private void Strike(Fault fault)
    {
        if (people.End is not null || !TryStrike(fault))
            return;
        cluster.Tally.Count(fault);
        cluster.Trace.Say($"FAULT: {fault}");
    }

    private bool TryStrike(Fault fault) => fault switch
    {
        Fault.SiloKilled => Kill(chance.Of(cluster.Machines)),
        Fault.CoordinatorKilled => Kill(cluster.Directory.Find(SimulatedCluster.CoordinatorId)?.Machine),
        Fault.AllKilled => KillAll(),
        Fault.SiloFrozen => Freeze(chance.Of(cluster.Machines)),
        Fault.Partitioned => Cut(isBothWays: true),
        Fault.PartitionedOneWay => Cut(isBothWays: false),
        Fault.FalselyDeclaredDead => Declare(),
        Fault.CoordinatorDoubled => Do(() => cluster.Directory.Lose(SimulatedCluster.CoordinatorId)),
        Fault.SiloLeft => Leave(chance.Of(cluster.Machines)),
        Fault.SiloJoined => Join(),
        Fault.StoreAway => TakeStoreAway(),
        Fault.StoreLost => LoseStore(),
        Fault.DiskFull => Fill(chance.Of(cluster.Machines)),
        Fault.DiskHung => Hang(chance.Of(cluster.Machines)),
        Fault.DiskTorn => CutPower(chance.Of(cluster.Machines)),
        Fault.FileDamaged => Damage(chance.Of(cluster.Machines)),
        Fault.DiskReplaced => ReplaceDisk(chance.Of(cluster.Machines)),
        Fault.PauseAsked => Do(people.Pause),
        Fault.CancelAsked => chance.Happens(0.3) && Do(people.Cancel),
        Fault.ConnectionBroken => Do(() => chance.Of(cluster.Silos.ToList()).Stripes.BreakAll(), cluster.Silos.Any()),
        _ => false,
    };

    private static bool Do(Action action, bool isPossible = true)
    {
        if (isPossible)
            action();
        return isPossible;
    }

    private bool Kill(Machine? machine) => Do(() => cluster.End(machine!, false), machine?.Silo is not null);

    private bool KillAll()
    {
        foreach (var machine in cluster.Machines)
            Kill(machine);
        return true;
    }

    private bool Freeze(Machine machine)
    {
        if (machine.Silo is not { } silo)
            return false;
        silo.Life.Freeze();
        cluster.Timeline.After(chance.Seconds(0.1, 20), null, () => cluster.Timeline.Thaw(silo.Life));
        return true;
    }

    private bool Cut(bool isBothWays)
    {
        var side = chance.Of(cluster.Machines).Name;
        List<string> others = [.. cluster.Machines.Select(machine => machine.Name), SimulatedStore.OwnName];
        foreach (var other in others.Where(other => other != side && chance.Happens(0.7)))
        {
            cluster.Network.Cut(side, other);
            if (isBothWays)
                cluster.Network.Cut(other, side);
        }

        cluster.Timeline.After(chance.Seconds(0.1, 20), null, cluster.Network.Heal);
        return true;
    }

    private bool Declare() => Do(
        () => cluster.Membership.Declare(chance.Of(cluster.Membership.Active)),
        cluster.Membership.Active.Count > 0 && cluster.Store.IsUp);

    private bool Leave(Machine machine)
    {
        if (machine.Silo is not { Life.IsAwake: true } silo)
            return false;
        machine.IsSupervised = false;
        cluster.Fork(silo.Leave);
        return true;
    }

    private bool Join()
    {
        if (cluster.Machines.Count > 6)
            return false;
        var name = $"{(char)('a' + cluster.Machines.Count)}";
        var machine = new Machine(name, chance.Between(1, 2), new Disk.SimulatedDisk($"disk {name}"));
        cluster.Machines.Add(machine);
        cluster.Start(machine);
        return true;
    }

    private bool TakeStoreAway()
    {
        cluster.Store.IsAway = true;
        cluster.Timeline.After(chance.Seconds(0.1, chance.Of([2, 10, 45])), null, () => cluster.Store.IsAway = false);
        return true;
    }

    // Whoever lost it starts the cluster anew.
    private bool LoseStore()
    {
        cluster.Store.Lose();
        cluster.Watch.ForgetRecord();
        return KillAll();
    }

    private bool Fill(Machine machine)
    {
        var disk = machine.Disk;
        disk.IsFull = true;
        cluster.Timeline.After(chance.Seconds(0.5, 20), null, () => disk.IsFull = false);
        return true;
    }

    private bool Hang(Machine machine)
    {
        var disk = machine.Disk;
        disk.Hangs = true;
        cluster.Timeline.After(chance.Seconds(1, MaxHang), null, () => disk.Hangs = false);
        return true;
    }

    // Silos that share a disk share its power.
    private bool CutPower(Machine machine)
    {
        if (machine.Silo is null)
            return false;
        foreach (var other in cluster.Machines.Where(other => other.Disk == machine.Disk && other != machine))
            cluster.End(other, isPowerCut: false);
        cluster.End(machine, isPowerCut: true);
        return true;
    }

    private bool Damage(Machine machine) => machine.Disk.Damage(chance);

    private bool ReplaceDisk(Machine machine)
    {
        if (cluster.Machines.Exists(other => other != machine && other.Disk == machine.Disk))
            return false;
        cluster.End(machine, isPowerCut: true);
        machine.Disk = new Disk.SimulatedDisk($"{machine.Disk.Id}'");
        return true;
    }

    private void Mend()
    {
        cluster.Trace.Say($"everything is mended");
        cluster.Network.Faults = MessageFaults.None;
        cluster.Network.Heal();
        cluster.Store.IsAway = false;
        foreach (var machine in cluster.Machines)
        {
            machine.IsSupervised = true;
            machine.Disk.IsFull = false;
            machine.Disk.Hangs = false;
            if (machine.Silo is { Life.IsFrozen: true } silo)
                cluster.Timeline.Thaw(silo.Life);
            cluster.Start(machine);
        }
    }
}

using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Simulator.Clock;
using Gpt2Cluster.Simulator.Exchange;
using Gpt2Cluster.Simulator.Network;
using Gpt2Cluster.Simulator.Oracle;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Store;

namespace Gpt2Cluster.Simulator.Silos;

/// <summary>The world of one schedule: machines and their silos, the network, the store, and what is watched.</summary>
internal sealed class SimulatedCluster
{
    /// <summary>The one run of a schedule.</summary>
    public const string RunName = "run1";

    /// <summary>The key of its record in the store.</summary>
    public const string RunRecordKey = "run/" + RunName;

    /// <summary>The coordinator's place in the directory.</summary>
    public static readonly GrainId CoordinatorId = GrainId.Create(nameof(ITrainingRun), RunName);

    private long connectionCount;

    /// <summary>A world with machines and no silo yet.</summary>
    public SimulatedCluster(ScheduledWorld world, Chance chance, Mutant mutant, TextWriter? trace)
    {
        (World, Chance, Mutant) = (world, chance, mutant);
        Trace = new Trace(Timeline, trace);
        Network = new SimulatedNetwork(Timeline, chance, Tally);
        Store = new SimulatedStore(Timeline, chance, Network);
        Membership = new MembershipTable(Store, Network);
        Directory = new GrainDirectory(Membership, chance);
        Model = new TrainingModel(world.Specification, world.ElementCount, world.Culprit);
        Cut = new StripeCut(world.ElementCount, world.StripeElements);
        Watch = new Watch(this, new UndisturbedRun(Model));
        Machines = [.. world.Machines];
        Membership.Died += TellOfDeath;
        Store.Stored += Watch.Stored;
        if (world.IsStoreEmbedded)
        {
            Store.Node = Machines[0].Name;
            Store.IsHosted = () => Machines[0].Silo is { Life.IsAwake: true };
        }
    }

    /// <summary>What the schedule's seed has made of the world.</summary>
    public ScheduledWorld World { get; }

    /// <summary>The schedule's randomness.</summary>
    public Chance Chance { get; }

    /// <summary>The deliberate mistake, if there is one.</summary>
    public Mutant Mutant { get; }

    /// <summary>Everything that is going to happen.</summary>
    public Timeline Timeline { get; } = new();

    /// <summary>What happened, for whoever reads it.</summary>
    public Trace Trace { get; }

    /// <summary>Counts of the faults.</summary>
    public Tally Tally { get; } = new();

    /// <summary>The network.</summary>
    public SimulatedNetwork Network { get; }

    /// <summary>The store.</summary>
    public SimulatedStore Store { get; }

    /// <summary>Who is in the cluster.</summary>
    public MembershipTable Membership { get; }

    /// <summary>Where the grains are.</summary>
    public GrainDirectory Directory { get; }

    /// <summary>What is trained.</summary>
    public TrainingModel Model { get; }

    /// <summary>What is trained, and how.</summary>
    public RunSpecification Specification => World.Specification;

    /// <summary>How gradients are cut.</summary>
    public StripeCut Cut { get; }

    /// <summary>What must hold.</summary>
    public Watch Watch { get; }

    /// <summary>The machines.</summary>
    public List<Machine> Machines { get; }

    /// <summary>The compute profile of all workers of a kind.</summary>
    public static ComputeProfile Profile(DeviceKind kind) => new(
        kind == DeviceKind.Cpu ? "cpu" : ClassOf(kind), ClassOf(kind), Precision.Float32, 1, "2.10", "f00d");

    /// <summary>The class of all devices of a kind.</summary>
    public static string ClassOf(DeviceKind kind) => kind == DeviceKind.Cpu ? "AVX2" : "simulated card";

    /// <summary>The silos whose processes there are.</summary>
    public IEnumerable<Silo> Silos => Machines.Select(machine => machine.Silo).OfType<Silo>();

    /// <summary>Calls of people.</summary>
    public GrainCalls CallsOfPeople => field ??= new GrainCalls(this, "people", null, () => Membership.Active);

    /// <summary>When a silo's process ended last.</summary>
    public TimeSpan LastEndAt { get; private set; }

    /// <summary>The machine of a name.</summary>
    public Machine? MachineOf(string name) => Machines.Find(machine => machine.Name == name);

    /// <summary>A machine's number.</summary>
    public int IndexOf(Machine machine) => Machines.IndexOf(machine);

    /// <summary>Another number for something that is made again and again.</summary>
    public long NextConnection() => ++connectionCount;

    /// <summary>Starts a machine's silo, unless one lives there.</summary>
    public void Start(Machine machine)
    {
        if (machine.Silo is not null)
            return;
        machine.Silo = new Silo(this, machine);
        Trace.Say($"{machine.Silo.Life.Name} starts");
        machine.Silo.Start();
    }

    /// <summary>A machine's silo ends at once; its supervisor starts another one.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="isPowerCut">Whether its disk loses what was not flushed.</param>
    public void End(Machine machine, bool isPowerCut)
    {
        if (machine.Silo is not { } silo)
            return;
        Trace.Say($"{silo.Life.Name} ends{(isPowerCut ? " with its machine" : "")}");
        LastEndAt = Timeline.Now;
        silo.Stripes.Keep([]);
        silo.Life.End();
        machine.Silo = null;
        if (isPowerCut)
            machine.Disk.CutPower(Chance);
        foreach (var other in Silos)
        {
            Timeline.After(Chance.Seconds(0.001, 0.3), other.Life, () => other.Stripes.Lost(silo));
        }

        if (machine.IsSupervised)
        {
            var isQuick = Chance.Happens(0.3);
            var pause = isQuick ? Chance.Seconds(0.01, 0.3) : Chance.Seconds(0.5, 4);
            Timeline.After(pause, null, () => Start(machine));
        }
    }

    /// <summary>Does something in several steps; what goes wrong in it is a fault of the simulation.</summary>
    public async void Fork(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception problem)
        {
            Watch.Broken($"The simulation itself failed: {problem}");
        }
    }

    private void TellOfDeath(Silo dead)
    {
        Trace.Say($"{dead.Life.Name} is out of the membership");
        CallsOfPeople.FailCallsTo(dead.Life);
        foreach (var silo in Silos)
            Timeline.After(Chance.Seconds(0.01, 0.5), silo.Life, silo.Look);
    }
}

using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Grains.Reducers;
using Gpt2Cluster.Grains.Runs;
using Gpt2Cluster.Simulator.Clock;
using Gpt2Cluster.Simulator.Disk;
using Gpt2Cluster.Simulator.Network;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Workers;
namespace Gpt2Cluster.Simulator.Silos;

/// <summary>One life of a silo: its grains, its workers and what it knows of the others.</summary>
internal sealed class Silo
{
    /// <summary>Between two introductions to the Cluster grain, as in a real silo.</summary>
    private static readonly TimeSpan IntroductionPeriod = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan DrainBound = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan DrainAskAgain = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan JoinPeriod = TimeSpan.FromSeconds(0.5);

    private readonly SimulatedCluster cluster;
    private readonly Dictionary<GrainId, Activation> activations = [];
    private readonly Dictionary<string, SimulatedWorker> workers = [];
    private readonly HashSet<SiloAddress> dead = [];
    private readonly MountedDisk disk;
    private bool hasJoined;
    private bool isLeaving;

    /// <summary>A process begins; it joins the cluster as soon as it reaches the store.</summary>
    public Silo(SimulatedCluster cluster, Machine machine)
    {
        this.cluster = cluster;
        Machine = machine;
        Incarnation = ++machine.LifeCount;
        Life = new Life($"{machine.Name}#{Incarnation}");
        Time = new VirtualTime(cluster.Timeline, Life);
        Runtime = new SiloRuntime(this, cluster.Timeline);
        Grains = new GrainCalls(cluster, Name, Life, () => View);
        Stripes = new StripeLinks(cluster, this);
        Context = ContextOf(machine, Stripes);
        Exchanges = new RunExchanges(Grains, Context);
        disk = new MountedDisk(machine.Disk, cluster.Model.ElementCount, WaitForDisk);
        Checkpoints = MutantCheckpoints.Of(
            cluster.Mutant, Context, disk, new TraceLogger<CheckpointStore>(Trace, Life));
        Loader = new CheckpointLoader(Context, Checkpoints, new PeerDisks(Context, Grains));
        new ReplacedCheckpoint(disk).Sweep(
            Path.GetDirectoryName(Checkpoints.FolderOf(SimulatedCluster.RunName.Run(), step: 0))!);
        Address = SiloAddress.New(System.Net.IPAddress.Loopback, 1000 + cluster.IndexOf(machine), Incarnation);
    }

    /// <summary>Where it lives.</summary>
    public Machine Machine { get; }

    /// <summary>Its name, and that of its machine.</summary>
    public string Name => Machine.Name;

    /// <summary>Which of the machine's silos it is, from 1.</summary>
    public int Incarnation { get; }

    /// <summary>Its process.</summary>
    public Life Life { get; }

    /// <summary>Its clock.</summary>
    public TimeProvider Time { get; }

    /// <summary>What its grains ask of Orleans.</summary>
    public SiloRuntime Runtime { get; }

    /// <summary>Calls from here.</summary>
    public GrainCalls Grains { get; }

    /// <summary>Its stripe channel.</summary>
    public StripeLinks Stripes { get; }

    /// <summary>What its grains know of it.</summary>
    public SiloContext Context { get; }

    /// <summary>The averagings open here.</summary>
    public RunExchanges Exchanges { get; }

    /// <summary>The coordinators that live here.</summary>
    public LocalCoordinators Coordinators { get; } = new();

    /// <summary>The checkpoints on its disk.</summary>
    public CheckpointStore Checkpoints { get; }

    /// <summary>Loads them.</summary>
    public CheckpointLoader Loader { get; }

    /// <summary>Orleans' name for it.</summary>
    public SiloAddress Address { get; }

    /// <summary>The silos that live, as far as it knows.</summary>
    public IReadOnlyList<Silo> View { get; private set; } = [];

    /// <summary>What is said of the schedule.</summary>
    public Trace Trace => cluster.Trace;

    /// <summary>Its workers, as far as anybody has called them.</summary>
    public IEnumerable<SimulatedWorker> Workers => workers.Values;

    /// <summary>What the grains of a machine's silo know of it.</summary>
    public static SiloContext ContextOf(Machine machine, IStripeChannel stripes) => new()
    {
        Name = machine.Name.Silo(),
        DataFolder = "/data",
        DataFolderId = machine.Disk.Id,
        MachineName = machine.Name,
        AdvertisedHost = machine.Name,
        HttpAddress = "",
        SiloPort = 0,
        GatewayPort = 0,
        Replicas = new NoReplicas(),
        Stripes = stripes,
    };

    /// <summary>Tries to join, again and again.</summary>
    public void Start()
    {
        if (!cluster.Store.IsReachedFrom(Name))
        {
            cluster.Timeline.After(JoinPeriod, Life, Start);
            return;
        }

        cluster.Membership.Join(this);
        hasJoined = true;
        Look();
        foreach (var other in cluster.Silos.Where(other => other != this))
            cluster.Timeline.After(cluster.Chance.Seconds(0.01, 0.5), other.Life, other.Look);
        Probe();
        Introduce();
    }

    /// <summary>Reads the membership, if it can; one that was declared dead ends.</summary>
    public void Look()
    {
        if (!hasJoined || !cluster.Store.IsReachedFrom(Name))
            return;
        if (!cluster.Membership.IsActive(this))
        {
            cluster.Trace.Say($"{Life.Name} finds itself declared dead and ends");
            cluster.End(Machine, isPowerCut: false);
            return;
        }

        var before = View;
        View = [.. cluster.Membership.Active];
        foreach (var gone in before.Except(View).ToList())
        {
            dead.Add(gone.Address);
            Grains.FailCallsTo(gone.Life);
        }
    }

    /// <summary>Whether it knows that a silo has left the membership.</summary>
    public bool KnowsDead(SiloAddress silo) => dead.Contains(silo);

    /// <summary>
    /// Stops in good order, as the host does it: workers finish their steps and leave their runs, coordinators come to
    /// a boundary; what takes longer than the bound is cut short.
    /// </summary>
    public async Task Leave()
    {
        var deadline = cluster.Timeline.Now + DrainBound;
        isLeaving = true;
        while (!(await TryToIntroduce() is null or 0 && workers.Values.All(worker => worker.ServesNobody)))
        {
            if (cluster.Timeline.Now >= deadline)
                break;
            await Work(DrainAskAgain.TotalSeconds);
        }

        // The task itself goes on elsewhere than on this thread.
        while (!Coordinators.Leave().IsCompleted && cluster.Timeline.Now < deadline)
            await Work(DrainAskAgain.TotalSeconds);
        await SayGoodbye();
    }

    private async Task SayGoodbye()
    {
        try
        {
            await Grains.Cluster().Leave(Name.Silo(), Address.ToParsableString());
        }
        catch (Exception problem) when (problem is OrleansException or TimeoutException)
        {
            cluster.Trace.Say($"{Life.Name} leaves without a goodbye: {problem.Message}");
        }

        cluster.Membership.Declare(this);
        cluster.End(Machine, isPowerCut: false);
    }

    /// <summary>The activation of a grain here, made now if there is none.</summary>
    public Activation ActivationOf(GrainId id, Type type)
    {
        if (activations.TryGetValue(id, out var present))
            return present;
        var made = new Activation(this, cluster.Timeline, id);
        activations.Add(id, made);
        if (type == typeof(ITrainingRun) || type == typeof(ICluster))
        {
            cluster.Directory.Register(id, this);
            cluster.Trace.Say($"{Life.Name} activates {id}");
        }

        Fork(() => made.Begin(_ => MakeGrain(type, id.Key.ToString()!)));
        return made;
    }

    /// <summary>An activation ended.</summary>
    public void Forget(Activation activation)
    {
        activations.Remove(activation.GrainId);
        cluster.Directory.Remove(activation.GrainId, this);
    }

    /// <summary>Whether all calls of such a grain may interleave.</summary>
    public bool IsReentrant(Type type) => type == typeof(IModelStore);

    private (object Grain, Func<Task> ReadRecord) MakeGrain(Type type, string key) => type switch
    {
        _ when type == typeof(ITrainingRun) => GrainFactories.Coordinator(cluster, this),
        _ when type == typeof(ICluster) => GrainFactories.Cluster(cluster, this),
        _ when type == typeof(IReducer) => (GrainFactories.Reducer(this), () => Task.CompletedTask),
        _ when type == typeof(IWorker) => (WorkerOf(key), () => Task.CompletedTask),
        _ => (GrainFactories.Store(cluster, this, disk), () => Task.CompletedTask),
    };

    // A worker's desk belongs to the process and not to the grain's activation.
    private SimulatedWorker WorkerOf(string key)
    {
        if (!workers.TryGetValue(key, out var worker))
            workers.Add(key, worker = new SimulatedWorker(cluster, this, key));
        return worker;
    }

    private void Probe()
    {
        Look();
        if (Life.IsDead)
            return;
        cluster.Membership.Probe(this);
        cluster.Timeline.After(MembershipTable.ProbePeriod, Life, Probe);
    }

    /// <summary>Something takes its time here.</summary>
    public Task Work(double seconds)
    {
        var done = new TaskCompletionSource();
        cluster.Timeline.After(TimeSpan.FromSeconds(seconds), Life, done.SetResult);
        return done.Task;
    }

    private async Task WaitForDisk()
    {
        await Work(cluster.Chance.Seconds(0.001, 0.05).TotalSeconds);
        while (Machine.Disk.Hangs)
            await Work(1);
    }

    /// <summary>Does something in several steps here.</summary>
    public void Fork(Func<Task> work) => cluster.Fork(work);

    private void Introduce() => cluster.Fork(async () =>
    {
        await TryToIntroduce();
        cluster.Timeline.After(IntroductionPeriod, Life, Introduce);
    });

    /// <returns>How many of its workers are given to runs; null if the cluster does not answer.</returns>
    private async Task<int?> TryToIntroduce()
    {
        try
        {
            var answer = await Grains.Cluster().Register(Describe());
            return answer.NameTakenBy is null ? answer.GivenWorkers : null;
        }
        catch (Exception problem) when (problem is OrleansException or TimeoutException)
        {
            cluster.Trace.Say($"{Life.Name} cannot introduce itself: {problem.Message}");
            return null;
        }
    }

    private SiloDescription Describe() => new()
    {
        Name = Name.Silo(),
        StripeHost = Name,
        StripePort = 1,
        HttpAddress = "",
        DataFolderId = Machine.Disk.Id,
        FreeDiskBytes = long.MaxValue,
        MachineCores = 1,
        MachineName = Name,
        Incarnation = Address.ToParsableString(),
        IsLeaving = isLeaving,
        Workers =
        [
            .. Enumerable.Range(0, Machine.DeviceCount).Select(index => new WorkerDescription
            {
                SiloName = Name.Silo(),
                DeviceIndex = index,
                Kind = Machine.Kind,
                Class = SimulatedCluster.ClassOf(Machine.Kind),
                Name = "simulated",
                Cores = 1,
                BFloat16IsFast = Machine.Kind == DeviceKind.Cuda,
            }),
        ],
    };
}

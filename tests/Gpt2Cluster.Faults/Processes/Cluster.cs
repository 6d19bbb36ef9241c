using System.Runtime.InteropServices;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Network;

namespace Gpt2Cluster.Faults.Processes;

/// <summary>Which store a cluster uses.</summary>
internal enum StoreKind
{
    /// <summary>In its first silo.</summary>
    Embedded,

    /// <summary>A <c>redis-server</c> of its own.</summary>
    Redis,
}

/// <summary>What a cluster stands on.</summary>
internal enum Ground
{
    /// <summary>This machine's network and disk.</summary>
    Plain,

    /// <summary>A network for each silo.</summary>
    Networks,

    /// <summary>A small disk for each silo's checkpoints.</summary>
    SmallDisks,
}

/// <summary>Silos, their store, and what they say of their fault points.</summary>
internal sealed class Cluster : IDisposable
{
    private const int InterruptedCode = 130;

    private readonly FaultListener listener;
    private readonly List<PosixSignalRegistration> signals;
    private readonly List<Silo> silos = [];
    private readonly List<SmallDisk> disks = [];

    private Cluster(string folder, StoreKind kind, SeparateNetworks? networks)
    {
        Folder = folder;
        Kind = kind;
        Networks = networks;
        signals =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, EndAtOnce),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, EndAtOnce),
        ];
        listener = new FaultListener(Path.Combine(folder, "faults.sock"), Sightings);
    }

    /// <summary>Holds everything of the cluster.</summary>
    public string Folder { get; }

    /// <summary>Which store it uses.</summary>
    public StoreKind Kind { get; }

    /// <summary>The harness was interrupted: what it does not know of the cluster ends here.</summary>
    public event Action? Interrupted;

    /// <summary>What the silos say.</summary>
    public Sightings Sightings { get; } = new();

    /// <summary>The silos; with an embedded store the first one hosts it.</summary>
    public IReadOnlyList<Silo> Silos => silos;

    /// <summary>The silos' small disks; none if they share this machine's.</summary>
    public IReadOnlyList<SmallDisk> Disks => disks;

    /// <summary>The run it trains.</summary>
    public string Run { get; set; } = "";

    /// <summary>The store's process; null if it is embedded.</summary>
    public RedisServer? Redis { get; private set; }

    /// <summary>The silos' networks; null if they share this machine's.</summary>
    public SeparateNetworks? Networks { get; }

    /// <summary>What <c>--cluster</c> is to say.</summary>
    public string Gateways => string.Join(',', silos.Select(silo => silo.Gateway));

    /// <summary>Starts a cluster and waits until all silos are ready.</summary>
    /// <param name="kind">Its store.</param>
    /// <param name="siloCount">Silos.</param>
    /// <param name="ground">What it stands on.</param>
    public static Cluster Start(StoreKind kind, int siloCount, Ground ground)
    {
        var networks = ground == Ground.Networks ? new SeparateNetworks(siloCount) : null;
        var cluster = new Cluster(Directory.CreateTempSubdirectory("gpt2cluster-faults-").FullName, kind, networks);
        try
        {
            if (kind == StoreKind.Redis)
                cluster.Redis = RedisServer.Start(
                    Path.Combine(cluster.Folder, "redis"), networks?.Home.ToString() ?? "127.0.0.1");
            for (var index = 0; index < siloCount; index++)
            {
                var place = cluster.PlaceOf(index);
                if (ground == Ground.SmallDisks)
                    cluster.disks.Add(new SmallDisk(Path.Combine(place.DataFolder, "runs")));
                cluster.silos.Add(Silo.Start(place));
                cluster.silos[^1].WaitUntilReady();
            }

            return cluster;
        }
        catch
        {
            cluster.Dispose();
            throw;
        }
    }

    /// <summary>The silo whose coordinator was heard last.</summary>
    public Silo Coordinator(TimeSpan since)
    {
        var last = Sightings.Since(since).LastOrDefault(
            sighting => sighting.Point is FaultPoint.Planning or FaultPoint.Committed);
        return silos.Find(silo => silo.Name == last.Silo) ?? silos[0];
    }

    /// <summary>A silo's place among the silos.</summary>
    public int IndexOf(Silo silo) => silos.IndexOf(silo);

    /// <summary>Whether a silo takes the store with it.</summary>
    public bool IsStoreIn(Silo silo) => Kind == StoreKind.Embedded && silo == silos[0];

    /// <summary>Arms a point in some silos.</summary>
    /// <param name="where">The silos.</param>
    /// <param name="point">The point.</param>
    /// <param name="step">From this step on.</param>
    /// <param name="skip">So many passes of each silo go by.</param>
    public void Arm(IEnumerable<Silo> where, FaultPoint point, long step, int skip)
    {
        foreach (var silo in where)
            listener.Arm(silo.Name, point, step, skip);
    }

    /// <summary>Lets everybody pass a point, everywhere.</summary>
    public void Pass(FaultPoint point)
    {
        foreach (var silo in silos)
            listener.Pass(silo.Name, point);
    }

    /// <summary>The last lines of each silo's log, for messages.</summary>
    public string LogTails(int lines = 12, int columns = 220) => string.Join('\n', silos.Select(silo =>
        $"--- {silo.LogFile}\n" + string.Join('\n', File.ReadLines(silo.LogFile).TakeLast(lines)
            .Select(line => line.Length > columns ? line[..columns] + "..." : line))));

    /// <summary>Ends everything; the folder is left for a look unless it is deleted.</summary>
    public void Dispose()
    {
        signals.ForEach(signal => signal.Dispose());

        // Side by side: the one with the store cannot say goodbye to a cluster that has gone.
        Parallel.ForEach(silos, silo => silo.Dispose());
        EndWhatIsLeft();
    }

    /// <summary>Whoever is interrupted leaves no process, no network and no disk behind.</summary>
    private void EndAtOnce(PosixSignalContext signal)
    {
        signal.Cancel = true;
        Interrupted?.Invoke();
        silos.ForEach(silo => silo.KillForGood());
        EndWhatIsLeft();
        Environment.Exit(InterruptedCode);
    }

    private void EndWhatIsLeft()
    {
        Redis?.Dispose();
        listener.Dispose();
        Networks?.Dispose();
        disks.ForEach(disk => disk.Dispose());
    }

    /// <summary>Removes the folder of a cluster that has ended.</summary>
    public void Delete() => Directory.Delete(Folder, recursive: true);

    private SiloPlace PlaceOf(int index)
    {
        var store = Redis?.Address ?? (index == 0 ? "embedded:0" : silos[0].StoreAddress);
        var place = new SiloPlace(((char)('a' + index)).ToString(), Folder, listener.Path, store);
        return Networks is null ? place : place with
        {
            Address = Networks.Silos[index].ToString(),
            Prefix = Networks.PrefixOf(index),
            PasswordFile = Kind == StoreKind.Embedded && index > 0
                ? Path.Combine(silos[0].DataFolder, "store-password")
                : null,
        };
    }
}

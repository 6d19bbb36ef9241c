using System.Globalization;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Core.Workers;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Grains.Tests.Models;
using Gpt2Cluster.Grains.Tests.Workers;

namespace Gpt2Cluster.Grains.Tests.Checkpoints;

/// <summary>
/// Plays what happens to the checkpoints of run1 on the disks of the silos a, b and c: <c>&gt;</c> lines are events,
/// and what is done on the disk of the silo that they name is written below each. Other lines are remarks.
/// </summary>
internal sealed class CheckpointScript : IDisposable
{
    private static readonly ModelShape Shape = new(300, 16, 8, 2, 2);

    private readonly List<string> output = [];
    private readonly Dictionary<string, RecordingDisk> disks = [];
    private readonly Dictionary<string, StoredRuns> silos = [];
    private readonly Dictionary<long, CheckpointEntry> catalogue = [];
    private readonly HashSet<string> away = [];

    private CheckpointScript()
    {
        foreach (var name in new[] { "a", "b", "c" })
            silos.Add(name, new StoredRuns(name, disks[name] = new RecordingDisk()));
    }

    public static string Play(string text)
    {
        using var script = new CheckpointScript();
        foreach (var line in text.Split('\n').Where(line => !line.StartsWith("  ", StringComparison.Ordinal)))
        {
            script.output.Add(line);
            if (line.StartsWith("> ", StringComparison.Ordinal))
                script.Hear(line[2..].Split(' '));
        }

        return string.Join('\n', script.output);
    }

    public void Dispose()
    {
        foreach (var silo in silos.Values)
            silo.Dispose();
    }

    private void Hear(string[] words)
    {
        var (silo, disk) = (silos[words[0]], disks[words[0]]);
        string? answer;
        try
        {
            answer = Answer(silo, disk, words[1..]);
        }
        catch (KilledException)
        {
            answer = "killed";
        }
        catch (IOException problem)
        {
            answer = $"failed: {problem.Message}";
        }
        catch (CheckpointLoadException problem)
        {
            var place = silo.Silo.DataFolder + Path.DirectorySeparatorChar;
            var what = problem.Failure.Kind == FailureKind.CheckpointDamaged ? "damaged" : "out of reach";
            answer = $"{what}: {problem.Message.Replace(place, "", StringComparison.Ordinal)}";
        }

        output.AddRange(disk.TakeWords().Append(answer).OfType<string>().Select(done => $"  {done}"));
    }

    /// <summary>Lets it happen; what comes of it, if that needs to be said.</summary>
    private string? Answer(StoredRuns silo, RecordingDisk disk, string[] words)
    {
        switch (words)
        {
            case ["writes", var step, .. var life]: // a checkpoint of a life of the run; the catalogue takes it
                Write(silo, Number(step), life is [var name] ? name : "now");
                return "written";
            case ["has", var step]: // the same, of which nothing need be said
                Write(silo, Number(step), "now");
                disk.TakeWords();
                return null;
            case ["loads", var step]: // what the catalogue names
                using (var replica = new FakeReplica(Shape))
                    Load(silo, replica, catalogue[Number(step)]);
                return "loaded";
            case ["lists"]: // for a coordinator that looks for checkpoints
                return $"found: {string.Join(' ', silo.Store.List("run1".Run()).Select(found => found.Entry.Step))}";
            case ["keeps", .. var steps]: // a coordinator says which checkpoints of its run's lives stay
                silo.Store.DeleteAllBut("run1".Run(), [.. steps.Select(Number)], ["now"]);
                return null;
            case ["starts"]:
                disk.Start();
                new ReplacedCheckpoint(disk).Sweep(Path.GetDirectoryName(silo.Store.FolderOf("run1".Run(), 0))!);
                return null;
            case ["will", "be", "killed", "at", .. var at]:
                disk.KillAt(string.Join(' ', at));
                return null;
            case ["is", "full"]:
                disk.IsFull = true;
                return null;
            case ["is", "away"]:
                away.Add(silo.Silo.Name.ToString());
                return null;
            case ["rots", var step, var file]: // one bit of it
                silo.FlipBit(Number(step), file, position: -4);
                return null;
            case ["copies", var step, "from", var other]: // the coordinator has it copied
                var folder = CheckpointStore.RelativeFolderOf("run1".Run(), Number(step));
                new Peers(this, silo).Bring(folder, other.Silo()).WaitHere();
                var entry = catalogue[Number(step)];
                var holder = new CheckpointHolder(silo.Silo.Name, silo.Silo.DataFolderId);
                catalogue[entry.Step] = entry with { Copies = [.. entry.Copies, holder] };
                return null;
            default:
                throw new FormatException(string.Join(' ', words));
        }
    }

    private void Write(StoredRuns silo, long step, string life)
    {
        using var replica = new FakeReplica(Shape);
        replica.Initialize(seed: (ulong)(step + life.Length));
        using var snapshot = replica.Snapshot();
        var record = new RunRecord { Specification = Specifications.Small(Shape), Lives = [life] };
        catalogue[step] = silo.Store.Publish(snapshot, record, StoredRuns.Order(step)).WaitHere();
    }

    private void Load(StoredRuns silo, FakeReplica replica, CheckpointEntry checkpoint)
    {
        var loader = new CheckpointLoader(silo.Silo, silo.Store, new Peers(this, silo));
        BlockingWait.RunHere(() => loader.Load(replica, "run1".Run(), checkpoint, CancellationToken.None));
        Assert.Equal(checkpoint.Step, replica.Step);
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>The disks of the silos that are not away, of which folders are copied as the product does it.</summary>
    private sealed class Peers(CheckpointScript script, StoredRuns own) : IPeerDisks
    {
        public Task<IReadOnlyList<SiloDisk>> List() => Task.FromResult<IReadOnlyList<SiloDisk>>(
        [
            .. script.silos.Values.Where(silo => silo != own && !script.away.Contains(silo.Silo.Name.ToString()))
                .Select(silo => new SiloDisk(silo.Silo.Name, silo.Silo.DataFolderId)),
        ]);

        public async Task<CopyAnswer> Bring(string relativeFolder, SiloName fromSilo)
        {
            var disk = script.disks[own.Silo.Name.ToString()];
            var from = DiskStore.Of(script.silos[fromSilo.ToString()]);
            var copy = new FolderCopy(from, disk, new StoredPaths(own.Silo));
            try
            {
                var isHere = await copy.Run(relativeFolder, Path.Combine(own.Silo.DataFolder, relativeFolder));
                return new CopyAnswer(isHere ? CopyOutcome.IsHere : CopyOutcome.IsNotThere);
            }
            catch (DamagedSourceException problem)
            {
                return new CopyAnswer(CopyOutcome.IsDamaged, problem.Message.TrimEnd('.'));
            }
        }
    }
}

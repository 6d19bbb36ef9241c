using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Placement;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gpt2Cluster.Grains.Tests.Checkpoints;

/// <summary>The data folder of one silo of a test, and what is stored in it.</summary>
internal sealed class StoredRuns : IDisposable
{
    public StoredRuns(string name, IDataDisk? disk = null)
    {
        Silo = new SiloContext
        {
            Name = name.Silo(),
            DataFolder = Directory.CreateTempSubdirectory("checkpoints").FullName,
            DataFolderId = $"disk of {name}",
            MachineName = "m",
            AdvertisedHost = "127.0.0.1",
            HttpAddress = "127.0.0.1:0",
            SiloPort = 0,
            GatewayPort = 0,
            Replicas = null!,
            Stripes = null!,
        };
        Store = new CheckpointStore(Silo, disk ?? new DataDisk(), NullLogger<CheckpointStore>.Instance);
    }

    public SiloContext Silo { get; }

    public CheckpointStore Store { get; }

    public void Dispose() => Directory.Delete(Silo.DataFolder, recursive: true);

    public CheckpointManifest Write(IReplica replica, long step, RunSpecification specification)
    {
        using var snapshot = replica.Snapshot();
        return Write(snapshot, step, specification);
    }

    /// <summary>A checkpoint that a life of the run's name has written.</summary>
    public CheckpointManifest Write(IReplica replica, long step, RunSpecification specification, string life)
    {
        using var snapshot = replica.Snapshot();
        return Write(snapshot, step, new RunRecord { Specification = specification, Lives = [life] });
    }

    public CheckpointManifest Write(IReplicaSnapshot snapshot, long step, RunSpecification specification) =>
        Write(snapshot, step, new RunRecord { Specification = specification });

    private CheckpointManifest Write(IReplicaSnapshot snapshot, long step, RunRecord record)
    {
        Store.Publish(snapshot, record, Order(step)).WaitHere();
        return Store.ManifestOf("run1".Run(), step);
    }

    public static WriteCheckpoint Order(long step) => new("a/0".Worker(), 1, step, null, IsBest: false);

    /// <summary>As the catalogue names it.</summary>
    public CheckpointEntry Entry(CheckpointManifest manifest) => new(
        manifest.Step, manifest.StateHash, Silo.Name, Store.FolderOf("run1".Run(), manifest.Step), null,
            Silo.DataFolderId);

    /// <summary>Rots one bit of a file; a negative position counts from the end.</summary>
    public void FlipBit(long step, string file, int position)
    {
        var path = Path.Combine(Store.FolderOf("run1".Run(), step), file);
        var bytes = File.ReadAllBytes(path);
        bytes[position < 0 ? bytes.Length + position : position] ^= 1;
        File.WriteAllBytes(path, bytes);
    }

    /// <summary>Changes the text of a manifest, which stays one by all that it says.</summary>
    public void Rot(long step, string written, string rotten)
    {
        var path = Path.Combine(Store.FolderOf("run1".Run(), step), CheckpointManifest.FileName);
        var text = File.ReadAllText(path);
        Assert.Contains(written, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(written, rotten, StringComparison.Ordinal));
    }
}

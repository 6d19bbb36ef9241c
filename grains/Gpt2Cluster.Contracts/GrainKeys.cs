using System.Globalization;

namespace Gpt2Cluster.Contracts;

/// <summary>How the grains' keys are written. A silo's name holds no slash.</summary>
public static class GrainKeys
{
    /// <summary>The one key of <see cref="Cluster.ICluster"/>.</summary>
    public const string Cluster = "cluster";

    /// <summary>Key of a worker: silo name / device index.</summary>
    public static string Worker(string siloName, int deviceIndex) => $"{siloName}/{deviceIndex}";

    /// <summary>Key of a reducer: silo name / run name.</summary>
    public static string Reducer(string siloName, string run) => $"{siloName}/{run}";

    /// <summary>Key of a data shard's holder: silo name / dataset hash / shard index.</summary>
    public static string DataShard(string siloName, string datasetHash, int shardIndex) =>
        $"{siloName}/{datasetHash}/{shardIndex}";

    /// <summary>Key of a job: silo name / device index / any unique text.</summary>
    public static string Job(string siloName, int deviceIndex, string unique) => $"{siloName}/{deviceIndex}/{unique}";

    /// <summary>Key of an upload: silo name / any unique text.</summary>
    public static string Upload(string siloName, string unique) => $"{siloName}/{unique}";

    /// <summary>The device index of a worker's key.</summary>
    public static int DeviceOf(string worker)
    {
        ArgumentNullException.ThrowIfNull(worker);
        return int.Parse(worker.AsSpan(worker.LastIndexOf('/') + 1), CultureInfo.InvariantCulture);
    }

    /// <summary>The silo's name, which every key of a pinned grain begins with.</summary>
    public static string SiloOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? key : key[..slash];
    }
}

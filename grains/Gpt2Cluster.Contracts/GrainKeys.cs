using System.Globalization;

namespace Gpt2Cluster.Contracts;

/// <summary>A worker: one device of one silo.</summary>
/// <param name="Silo">The silo's name.</param>
/// <param name="Device">The device's index there.</param>
public readonly record struct WorkerId(string Silo, int Device)
{
    /// <summary>Reads a worker's key.</summary>
    public static WorkerId Parse(string key)
    {
        var parts = GrainKeys.Parts(key, 2);
        return new WorkerId(parts[0], GrainKeys.Number(parts[1]));
    }

    /// <summary>Its key.</summary>
    public override string ToString() => $"{Silo}/{Device}";
}

/// <summary>A dataset's shard on a silo's disk.</summary>
/// <param name="Silo">The silo's name.</param>
/// <param name="Dataset">The dataset's hash.</param>
/// <param name="Index">The shard's index.</param>
public readonly record struct ShardId(string Silo, string Dataset, int Index)
{
    /// <summary>Reads a shard's key.</summary>
    public static ShardId Parse(string key)
    {
        var parts = GrainKeys.Parts(key, 3);
        return new ShardId(parts[0], parts[1], GrainKeys.Number(parts[2]));
    }

    /// <summary>Its key.</summary>
    public override string ToString() => $"{Silo}/{Dataset}/{Index}";
}

/// <summary>A job on a worker's device.</summary>
/// <param name="Worker">Whose device.</param>
/// <param name="Name">What tells it from others there.</param>
public readonly record struct JobId(WorkerId Worker, string Name)
{
    /// <summary>Reads a job's key.</summary>
    public static JobId Parse(string key)
    {
        var parts = GrainKeys.Parts(key, 3);
        return new JobId(new WorkerId(parts[0], GrainKeys.Number(parts[1])), parts[2]);
    }

    /// <summary>Its key.</summary>
    public override string ToString() => $"{Worker}/{Name}";
}

/// <summary>How keys are written: parts between slashes, the name of a pinned grain's silo first; no silo's name holds
/// one.</summary>
public static class GrainKeys
{
    /// <summary>The silo's name, which every key of a pinned grain begins with.</summary>
    public static string SiloOf(string key) => Parts(key, 2)[0];

    /// <summary>A key's parts, at most so many; the last one may hold slashes.</summary>
    internal static string[] Parts(string key, int count)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Split('/', count);
    }

    /// <summary>A part that is a number.</summary>
    internal static int Number(string part) => int.Parse(part, CultureInfo.InvariantCulture);
}

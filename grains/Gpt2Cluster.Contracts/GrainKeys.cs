using System.Globalization;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Contracts;

/// <summary>A dataset's shard on a silo's disk.</summary>
/// <param name="Silo">The silo.</param>
/// <param name="Dataset">The dataset's hash.</param>
/// <param name="Index">The shard's index.</param>
public readonly record struct ShardId(SiloName Silo, string Dataset, int Index)
{
    /// <summary>Reads a shard's key.</summary>
    public static ShardId Parse(string key)
    {
        var parts = GrainKeys.Parts(key, 3);
        return new ShardId(SiloName.Parse(parts[0]), parts[1], int.Parse(parts[2], CultureInfo.InvariantCulture));
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
        return new JobId(WorkerId.Parse($"{parts[0]}/{parts[1]}"), parts[2]);
    }

    /// <summary>Its key.</summary>
    public override string ToString() => $"{Worker}/{Name}";
}

/// <summary>The averaging of a run on a silo.</summary>
/// <param name="Silo">The silo.</param>
/// <param name="Run">The run.</param>
public readonly record struct ReducerId(SiloName Silo, RunName Run)
{
    /// <summary>Its key.</summary>
    public override string ToString() => $"{Silo}/{Run}";
}

/// <summary>How keys are written: parts between slashes, the name of a pinned grain's silo first.</summary>
public static class GrainKeys
{
    /// <summary>The silo's name, which every key of a pinned grain begins with.</summary>
    public static SiloName SiloOf(string key) => SiloName.Parse(Parts(key, 2)[0]);

    /// <summary>A key's parts, at most so many; the last one may hold slashes.</summary>
    internal static string[] Parts(string key, int count)
    {
        ArgumentNullException.ThrowIfNull(key);
        return key.Split('/', count);
    }
}

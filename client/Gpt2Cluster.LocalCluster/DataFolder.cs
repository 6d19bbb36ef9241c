using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.LocalCluster;

/// <summary>The folder of a local cluster, and where the client's own files lie in it.</summary>
/// <param name="Root">Absolute path.</param>
public sealed record DataFolder(string Root)
{
    private const string Name = "gpt2cluster";

    /// <summary>Says which silos run, where, and whose they are.</summary>
    public string ClusterFile => Path.Combine(Root, "cluster.json");

    /// <summary>Is there when the silos are to outlive the client that started them.</summary>
    public string KeepFile => Path.Combine(Root, "cluster.keep");

    /// <summary>Held by the client that starts the cluster, so that two at once start one.</summary>
    public string StartLock => Path.Combine(Root, "cluster-start.lock");

    /// <summary>Held by the supervisor as long as it lives.</summary>
    public string SupervisorLock => Path.Combine(Root, "cluster.lock");

    /// <summary>What the supervisor did.</summary>
    public string SupervisorLog => Path.Combine(Root, "silos", "supervisor.log");

    /// <summary>A folder, the user's own when none is named.</summary>
    /// <exception cref="UserErrorException">The path cannot be one.</exception>
    public static DataFolder At(string? path)
    {
        try
        {
            return new DataFolder(Path.GetFullPath(path ?? Path.Combine(
                Environment.GetFolderPath(
                    Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
                Name)));
        }
        catch (ArgumentException problem)
        {
            throw new UserErrorException($"--data '{path}' is no path of a folder.", problem);
        }
    }

    /// <summary>The free bytes of the disk that holds a folder, or will hold it once it is made.</summary>
    public static long FreeDiskBytes(string path)
    {
        var there = Path.GetFullPath(path);
        while (!Directory.Exists(there) && Path.GetDirectoryName(there) is { } parent)
            there = parent;
        return new DriveInfo(there).AvailableFreeSpace;
    }

    /// <summary>Where a run's checkpoints lie, if it has any.</summary>
    public string RunFolder(RunName run) => Path.Combine(Root, "runs", run.ToString());

    /// <summary>The folder of one silo.</summary>
    public string SiloFolder(string silo) => Path.Combine(Root, "silos", silo);

    /// <summary>What one silo said.</summary>
    public string SiloLog(string silo) => Path.Combine(SiloFolder(silo), "log.txt");

    /// <summary>Makes the folders the client writes to.</summary>
    /// <exception cref="UserErrorException">The folder cannot be written.</exception>
    public void Create()
    {
        try
        {
            Directory.CreateDirectory(Path.Combine(Root, "silos"));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"The data folder '{Root}' cannot be made: {problem.Message} Choose another with --data.", problem);
        }
    }
}

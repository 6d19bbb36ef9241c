using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Faults;
using Gpt2Cluster.Faults.Processes;
using Gpt2Cluster.Faults.Training;

namespace Gpt2Cluster.Faults.Commands;

/// <summary>
/// Clusters that are used again for one fault after the other. One that did not survive its fault is ended, its folder
/// is left for a look, and the next fault gets a new one.
/// </summary>
internal sealed class Stages : IDisposable
{
    private const int SiloCount = 3;

    private readonly Dictionary<(StoreKind Store, Ground Ground), Stage> stages = [];
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("gpt2cluster-reference-");
    private readonly Reference reference;

    /// <summary>Trains the undisturbed run.</summary>
    /// <param name="steps">Steps of a run.</param>
    /// <param name="say">Told how it goes.</param>
    public Stages(int steps, Action<string> say)
    {
        say($"the undisturbed run: {steps} steps");
        reference = Reference.Train(new RunPlan(steps), folder.FullName);
        say($"the undisturbed run ends with state {reference.Hashes[steps][..16]}");
    }

    /// <summary>Whether the first silo of each cluster is never killed.</summary>
    public bool IsFirstSiloSpared { get; init; }

    /// <summary>Runs that were begun on all clusters of now.</summary>
    public int RunCount => stages.Values.Sum(stage => stage.RunCount);

    /// <summary>The cluster of a store, if there is one.</summary>
    public Cluster? ClusterOf(StoreKind store) => stages.GetValueOrDefault((store, Ground.Plain))?.Cluster;

    /// <summary>Lets a fault happen on the cluster of a store.</summary>
    /// <exception cref="FaultFailedException">The run did not survive it.</exception>
    public Outcome Strike(StoreKind store, Fault fault, FaultPoint point, int stepsFromNow, bool waitsForHash)
    {
        var key = (store, fault.Ground);
        if (!stages.TryGetValue(key, out var stage))
            stages.Add(key, stage = new Stage(reference, Cluster.Start(store, SiloCount, fault.Ground), IsFirstSiloSpared));
        try
        {
            return stage.Strike(fault, point, stepsFromNow, waitsForHash);
        }
        catch (FaultFailedException)
        {
            stages.Remove(key);
            stage.Dispose();
            throw;
        }
    }

    /// <summary>Waits until the runs have ended and compares their last bits; ends the clusters.</summary>
    /// <exception cref="FaultFailedException">One has other bits, or did not end.</exception>
    public void Finish()
    {
        foreach (var (key, stage) in stages.ToList())
        {
            stage.FinishRun();
            stages.Remove(key);
            stage.Dispose();
            stage.Cluster.Delete();
        }
    }

    public void Dispose()
    {
        foreach (var stage in stages.Values)
            stage.Dispose();
        folder.Delete(recursive: true);
    }
}

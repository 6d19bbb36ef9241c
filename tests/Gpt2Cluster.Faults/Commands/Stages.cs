using Gpt2Cluster.Faults.Faults;
using Gpt2Cluster.Faults.Processes;
using Gpt2Cluster.Faults.Training;

namespace Gpt2Cluster.Faults.Commands;

/// <summary>
/// One cluster at a time, used again for one fault after the other. One that did not survive its fault is ended, its
/// folder is left for a look, and the next fault gets a new one; so does a fault that needs another kind of cluster.
/// </summary>
internal sealed class Stages : IDisposable
{
    private const int SiloCount = 3;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("gpt2cluster-reference-");
    private readonly Reference reference;
    private (StoreKind Store, Ground Ground) kind;
    private Stage? stage;

    /// <summary>Trains the undisturbed run.</summary>
    /// <param name="steps">Steps of a run.</param>
    /// <param name="say">Told how it goes.</param>
    /// <param name="train">What is trained, as <c>--train</c> names it.</param>
    public Stages(int steps, Action<string> say, string train = "all")
    {
        say($"the undisturbed run: {steps} steps");
        reference = Reference.Train(new RunPlan(steps, train), folder.FullName);
        say($"the undisturbed run ends with state {reference.Hashes[steps][..16]}");
    }

    /// <summary>Whether the first silo of each cluster is never killed.</summary>
    public bool IsFirstSiloSpared { get; init; }

    /// <summary>Runs that the cluster of now has begun.</summary>
    public int RunCount => stage?.RunCount ?? 0;

    /// <summary>The cluster of now; null if there is none.</summary>
    public Cluster? Cluster => stage?.Cluster;

    /// <summary>Lets a fault happen on a cluster of its kind.</summary>
    /// <param name="cell">The fault.</param>
    /// <param name="waitsForHash">Whether to wait for a checkpoint to compare.</param>
    /// <exception cref="FaultFailedException">The run did not survive it.</exception>
    public Outcome Strike(Cell cell, bool waitsForHash)
    {
        if (stage is not null && kind != (cell.Store, cell.Ground))
            End(stage);
        kind = (cell.Store, cell.Ground);
        stage ??= new Stage(reference, Cluster.Start(cell.Store, SiloCount, cell.Ground), IsFirstSiloSpared);
        try
        {
            return stage.Strike(cell, waitsForHash);
        }
        catch (FaultFailedException)
        {
            stage.Dispose();
            stage = null;
            throw;
        }
    }

    /// <summary>Waits until the run has ended and compares its last bits; ends the cluster.</summary>
    /// <exception cref="FaultFailedException">It has other bits, or did not end.</exception>
    public void Finish()
    {
        if (stage is null)
            return;
        stage.FinishRun();
        End(stage);
    }

    public void Dispose()
    {
        stage?.Dispose();
        folder.Delete(recursive: true);
    }

    private void End(Stage ended)
    {
        stage = null;
        ended.Dispose();
        ended.Cluster.Delete();
    }
}

using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Models;

/// <summary>Fills replicas with stored parameters: of a model in the store, or of a run's checkpoint.</summary>
public sealed class ParameterLoader(SiloContext silo, IGrainFactory grains, CheckpointStore checkpoints)
{
    /// <summary>What names of runs begin with where a model's name is expected.</summary>
    public const string RunPrefix = "run:";

    private const int RangeElements = 1 << 20;

    /// <summary>Fills a replica and leaves it at step 0 with zero moments. Called on the replica's thread.</summary>
    /// <param name="replica">A fresh replica of the model's shape.</param>
    /// <param name="model">A name in the store, or <c>run:NAME</c> for a run's newest checkpoint.</param>
    /// <param name="holders">Silos that may have it, if this one has not.</param>
    /// <param name="cancellation">Stops between ranges.</param>
    /// <exception cref="UserErrorException">No silo has it, or it does not fit the replica.</exception>
    public void LoadModel(
        IReplica replica, string model, IReadOnlyList<string> holders, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(replica);
        ArgumentNullException.ThrowIfNull(model);
        if (model.StartsWith(RunPrefix, StringComparison.Ordinal))
            LoadNewestOf(replica, model[RunPrefix.Length..], holders, cancellation);
        else
            LoadStored(replica, model, holders, cancellation);
        replica.Loaded(0);
    }

    private void LoadStored(
        IReplica replica, string model, IReadOnlyList<string> holders, CancellationToken cancellation)
    {
        var relative = Path.Combine("models", model);
        BringHere(relative, holders);
        using var folder = ModelFolder.Open(Path.Combine(silo.DataFolder, relative));
        Copy(replica, folder.ReadParameters, cancellation);
    }

    private void LoadNewestOf(
        IReplica replica, string run, IReadOnlyList<string> holders, CancellationToken cancellation)
    {
        var step = checkpoints.StepsOf(run) is { Count: > 0 } steps
            ? steps[0]
            : throw new UserErrorException($"Run {run} has no checkpoint on silo {silo.Name}; name another model.");
        checkpoints.LoadParameters(replica, run, step, holders, cancellation);
    }

    private void BringHere(string relativeFolder, IReadOnlyList<string> holders)
    {
        if (Directory.Exists(Path.Combine(silo.DataFolder, relativeFolder)))
            return;
        var store = grains.GetGrain<IModelStore>(silo.Name);
        foreach (var holder in holders.Where(holder => holder != silo.Name))
        {
            if (store.Bring(relativeFolder, holder).GetAwaiter().GetResult())
                return;
        }
    }

    private static void Copy(IReplica replica, ParameterSource source, CancellationToken cancellation)
    {
        var elements = new float[(int)Math.Min(RangeElements, replica.Layout.Length)];
        for (var start = 0L; start < replica.Layout.Length; start += elements.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            var range = elements.AsSpan(0, (int)Math.Min(elements.Length, replica.Layout.Length - start));
            source(start, range);
            replica.Write(ReplicaPart.Parameters, start, range);
        }
    }
}

using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Tokens;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Placement;
using ParameterSource = Gpt2Cluster.Contracts.Jobs.ParameterSource;

namespace Gpt2Cluster.Grains.Models;

/// <summary>
/// Brings parameters into replicas: fresh ones, a stored model's, a run's checkpoint's. What is not on this disk is
/// copied
/// here first. Everything blocks: call it on the thread that owns the replica, never in a grain's turn.
/// </summary>
public sealed class ParameterLoader(
    SiloContext silo, StoredPaths paths, IGrainFactory grains, CheckpointStore checkpoints)
{
    /// <summary>What names of runs begin with where a model's name is expected.</summary>
    public const string RunPrefix = "run:";

    private const int PieceElements = 1 << 20;

    /// <summary>Finds the parameters that a source names and brings them to this disk.</summary>
    /// <exception cref="UserErrorException">There is no such preset, model, run or checkpoint.</exception>
    public OpenParameters Open(ParameterSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return source.Kind switch
        {
            "scratch" => Scratch(source),
            "model" => Model(source.Name, AllOtherSilos()),
            "run" => Checkpoint(source),
            _ => throw new UserErrorException($"Parameters come from scratch, model or run, not '{source.Kind}'."),
        };
    }

    /// <summary>Fills a replica and leaves it at step 0 with zero moments.</summary>
    /// <param name="replica">A fresh replica of the model's shape.</param>
    /// <param name="model">A name in the store, or <c>run:NAME</c> for a run's newest checkpoint.</param>
    /// <param name="holders">Silos that may have it, if this one has not.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <exception cref="UserErrorException">No silo has it, or it is damaged or of another shape.</exception>
    public void LoadModel(
        IReplica replica, string model, IReadOnlyList<string> holders, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(replica);
        ArgumentNullException.ThrowIfNull(model);
        using var found = model.StartsWith(RunPrefix, StringComparison.Ordinal)
            ? Checkpoint(new ParameterSource { Kind = "run", Name = model[RunPrefix.Length..] })
            : Model(model, holders);
        if (found.Shape != replica.Layout.Shape)
            throw new UserErrorException($"{model} has another shape than the run; submit it under another name.");
        found.LoadInto(replica, cancellation);
        replica.Loaded(0);
    }

    private static OpenParameters Scratch(ParameterSource source)
    {
        var preset = Presets.Scratch(ModelReference.ScratchPrefix + source.Name);
        return new OpenParameters(
            preset.Shape, Gpt2Vocabulary.BuiltIn, (replica, _) => replica.Initialize(source.Seed), null);
    }

    private OpenParameters Model(string nameOrAlias, IReadOnlyList<string> holders)
    {
        var name = Presets.Canonical(nameOrAlias);
        if (!StoredPaths.IsName(name))
            throw new UserErrorException($"'{name}' cannot name a model.");
        var relative = $"models/{name}";
        if (!BringHere(relative, holders))
            throw new UserErrorException(
                $"No model named {name} is in the cluster's store; model list shows those that are.");
        var folder = ModelFolder.Open(paths.FolderOf(relative));
        return new OpenParameters(
            folder.Shape,
            folder.ReadVocabulary(),
            (replica, cancellation) => WriteAll(replica, folder, cancellation),
            folder);
    }

    private OpenParameters Checkpoint(ParameterSource source)
    {
        var run = grains.GetGrain<ITrainingRun>(source.Name).Describe().GetAwaiter().GetResult()
            ?? throw new UserErrorException($"There is no run named {source.Name}; runs shows those there are.");
        var checkpoint = Choose(run, source.Checkpoint);
        return new OpenParameters(
            SpecificationJson.Read(run.SpecificationJson).Model.Shape,
            Gpt2Vocabulary.BuiltIn,
            (replica, cancellation) =>
            {
                checkpoints.LoadParameters(replica, source.Name, checkpoint.Step, checkpoint.Silos, cancellation);
                replica.Loaded(checkpoint.Step);
            },
            null);
    }

    private static CheckpointSummary Choose(RunDescription run, string wish)
    {
        var name = run.Summary.Name;
        if (run.Checkpoints.Length == 0)
            throw new UserErrorException($"The run {name} has no checkpoint yet.");
        return wish switch
        {
            "last" => run.Checkpoints[0],
            "best" => run.Checkpoints.FirstOrDefault(one => one.IsBest)
                ?? throw new UserErrorException(
                    $"The run {name} has no best checkpoint, as it was not validated; use last."),
            _ => run.Checkpoints.FirstOrDefault(one => $"{one.Step}" == wish)
                ?? throw new UserErrorException(
                    $"The run {name} has no checkpoint of step {wish}; it has those of "
                    + $"{string.Join(", ", run.Checkpoints.Select(one => one.Step))}."),
        };
    }

    private bool BringHere(string relative, IReadOnlyList<string> holders)
    {
        if (Directory.Exists(paths.FolderOf(relative)))
            return true;
        var store = grains.GetGrain<IModelStore>(silo.Name);
        return holders.Where(holder => holder != silo.Name)
            .Any(holder => store.Bring(relative, holder).GetAwaiter().GetResult());
    }

    private string[] AllOtherSilos()
    {
        var cluster = grains.GetGrain<Contracts.Cluster.ICluster>(Contracts.GrainKeys.Cluster);
        return [.. cluster.Describe().GetAwaiter().GetResult().Silos.Select(one => one.Name)];
    }

    private static void WriteAll(IReplica replica, ModelFolder folder, CancellationToken cancellation)
    {
        var piece = new float[(int)Math.Min(PieceElements, replica.Layout.Length)];
        for (var start = 0L; start < replica.Layout.Length; start += piece.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            var part = piece.AsSpan(0, (int)Math.Min(piece.Length, replica.Layout.Length - start));
            folder.ReadParameters(start, part);
            replica.Write(ReplicaPart.Parameters, start, part);
        }

        replica.Loaded(0);
    }
}

/// <summary>Parameters that were found: their shape, their words, and how they come into a replica.</summary>
/// <param name="Shape">The model's shape.</param>
/// <param name="Vocabulary">The model's vocabulary.</param>
/// <param name="LoadInto">Writes them into a replica of that shape.</param>
/// <param name="Files">What is open meanwhile.</param>
public sealed record OpenParameters(
    ModelShape Shape,
    Gpt2Vocabulary Vocabulary,
    Action<IReplica, CancellationToken> LoadInto,
    IDisposable? Files) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Files?.Dispose();
}

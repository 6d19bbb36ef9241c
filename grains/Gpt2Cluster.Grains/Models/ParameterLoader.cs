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
/// copied here first. Everything blocks: call it on the thread that owns the replica, never in a grain's turn.
/// </summary>
public sealed class ParameterLoader(
    SiloContext silo,
    StoredPaths paths,
    FileHashes hashes,
    IPeerDisks peers,
    IGrainFactory grains,
    CheckpointLoader checkpoints)
{
    private const int PieceElements = 1 << 20;

    /// <summary>Finds the parameters that a source names and brings them to this disk.</summary>
    /// <exception cref="UserErrorException">There is no such preset, model, run or checkpoint.</exception>
    public OpenParameters Open(ParameterSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return source.Kind switch
        {
            "scratch" => Scratch(source),
            "model" => Model(source.Name) ?? throw new UserErrorException(
                $"No model named {source.Name} is in the cluster's store; model list shows those that are."),
            "run" => Checkpoint(source),
            _ => throw new UserErrorException($"Parameters come from scratch, model or run, not '{source.Kind}'."),
        };
    }

    /// <summary>Fills a replica with what a run starts from, and leaves it at step 0 with zero moments.</summary>
    /// <param name="replica">A replica of the model's shape; whatever it held is gone.</param>
    /// <param name="model">A model in the store or a run's checkpoint, with the hash it had at submission.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <exception cref="UserErrorException">The checkpoint cannot be had any more, or the model is no sound
    /// one.</exception>
    /// <exception cref="IOException">No silo that can be reached has the model.</exception>
    /// <exception cref="InvalidDataException">Another model has that name on this silo.</exception>
    public void LoadModel(IReplica replica, ModelReference model, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(replica);
        ArgumentNullException.ThrowIfNull(model);
        if (model.BaseRun is { } run)
        {
            LoadCheckpoint(
                replica, new StoredCheckpoint(run.ToString(), model.Step!.Value, model.Sha256!), cancellation);
        }
        else
        {
            LoadStored(replica, model, cancellation);
        }

        Clear(replica, ReplicaPart.FirstMoments);
        Clear(replica, ReplicaPart.SecondMoments);
        replica.Loaded(0);
    }

    private void LoadStored(IReplica replica, ModelReference model, CancellationToken cancellation)
    {
        using var found = Model(model.Name)
            ?? throw new IOException($"no silo that can be reached has the model {model.Name}");
        var weights = Path.Combine(
            paths.FolderOf($"models/{Presets.Canonical(model.Name)}"), ModelFolder.WeightsFileName);
        if (model.Sha256 is { } expected && hashes.OfModel(weights).GetAwaiter().GetResult() != expected)
        {
            throw new InvalidDataException(
                $"the model {model.Name} on silo {silo.Name} has other weights than the run began with; put the right "
                + "ones there, or stop that silo");
        }

        if (found.Shape != replica.Layout.Shape)
            throw new UserErrorException($"{model.Name} has another shape than the run; submit it under another name.");
        found.LoadInto(replica, cancellation);
    }

    /// <summary>One that is not this run's own: nothing else can be used in its place.</summary>
    private void LoadCheckpoint(IReplica replica, StoredCheckpoint checkpoint, CancellationToken cancellation)
    {
        var what = $"The checkpoint of step {checkpoint.Step} of the run {checkpoint.Run}";
        try
        {
            checkpoints.LoadParameters(replica, checkpoint, cancellation);
        }
        catch (DamagedCheckpointException problem)
        {
            throw new UserErrorException(
                $"{what} does not verify: {problem.Message}; use another checkpoint or model.", problem);
        }
        catch (UnreachableCheckpointException problem)
        {
            throw new UserErrorException(
                $"{what} cannot be had: {problem.Message}; start the silo that holds it, or use another.", problem);
        }
    }

    private static void Clear(IReplica replica, ReplicaPart part)
    {
        var zeros = new float[(int)Math.Min(PieceElements, replica.Layout.Length)];
        for (var start = 0L; start < replica.Layout.Length; start += zeros.Length)
            replica.Write(part, start, zeros.AsSpan(0, (int)Math.Min(zeros.Length, replica.Layout.Length - start)));
    }

    private static OpenParameters Scratch(ParameterSource source)
    {
        var preset = Presets.Scratch(ModelReference.ScratchPrefix + source.Name);
        return new OpenParameters(
            preset.Shape, Gpt2Vocabulary.BuiltIn, (replica, _) => replica.Initialize(source.Seed), null);
    }

    private OpenParameters? Model(string nameOrAlias)
    {
        var name = Presets.Canonical(nameOrAlias);
        if (!StoredPaths.IsName(name))
            throw new UserErrorException($"'{name}' cannot name a model.");
        var relative = $"models/{name}";
        if (!BringHere(relative))
            return null;
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
            ?? throw UserErrorException.NotFound($"There is no run named {source.Name}; runs shows those there are.");
        var chosen = Choose(run, source.Checkpoint);
        var checkpoint = new StoredCheckpoint(
            source.Name, chosen.Step, chosen.StateHash, chosen.Silos.FirstOrDefault());
        return new OpenParameters(
            SpecificationJson.Read(run.SpecificationJson).Model.Shape,
            Gpt2Vocabulary.BuiltIn,
            (replica, cancellation) =>
            {
                LoadCheckpoint(replica, checkpoint, cancellation);
                replica.Loaded(checkpoint.Step);
            },
            null);
    }

    private static CheckpointSummary Choose(RunDescription run, string wish)
    {
        var name = run.Summary.Name;
        if (run.Checkpoints.Length == 0)
            throw UserErrorException.NotFound($"The run {name} has no checkpoint yet.");
        return wish switch
        {
            "last" => run.Checkpoints[0],
            "best" => run.Checkpoints.FirstOrDefault(one => one.IsBest)
                ?? throw UserErrorException.NotFound(
                    $"The run {name} has no best checkpoint, as it was not validated; use last."),
            _ => run.Checkpoints.FirstOrDefault(one => $"{one.Step}" == wish)
                ?? throw UserErrorException.NotFound(
                    $"The run {name} has no checkpoint of step {wish}; it has those of "
                    + $"{string.Join(", ", run.Checkpoints.Select(one => one.Step))}."),
        };
    }

    private bool BringHere(string relative) => Directory.Exists(paths.FolderOf(relative))
        || peers.List().Any(peer => peers.Bring(relative, peer.SiloName).Outcome == CopyOutcome.IsHere);

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

using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Core.Workers;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Tokens;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Placement;
using ParameterSource = Gpt2Cluster.Contracts.Jobs.ParameterSource;
using ParameterSourceKind = Gpt2Cluster.Contracts.Jobs.ParameterSourceKind;

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

    private readonly StoredVocabularies vocabularies = new(paths, peers);

    /// <summary>The vocabulary of what a run starts from.</summary>
    /// <exception cref="IOException">No silo that can be reached has it.</exception>
    /// <exception cref="UserErrorException">It is damaged.</exception>
    public Gpt2Vocabulary VocabularyOf(ModelReference model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return vocabularies.Open(model.Vocabulary);
    }

    /// <summary>Finds the parameters that a source names and brings them to this disk.</summary>
    /// <exception cref="UserErrorException">There is no such preset, model, run or checkpoint.</exception>
    public OpenParameters Open(ParameterSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return source.Kind switch
        {
            ParameterSourceKind.Scratch => Scratch(source),
            ParameterSourceKind.Model => Model(source.Name) ?? throw new UserErrorException(
                $"No model named {source.Name} is in the cluster's store; model list shows those that are."),
            ParameterSourceKind.Run => Checkpoint(source),
            _ => throw new ArgumentOutOfRangeException(nameof(source), source.Kind, "Unknown source."),
        };
    }

    /// <summary>
    /// Fills a replica with what a run starts from, adapters drawn from the seed, and leaves it at step 0 with zero
    /// moments.
    /// </summary>
    /// <param name="replica">A replica of the model's shape; whatever it held is gone.</param>
    /// <param name="model">A model in the store or a run's checkpoint, with the hash it had at submission.</param>
    /// <param name="seed">The run's.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <exception cref="UserErrorException">The checkpoint cannot be had any more, or the model is no sound
    /// one.</exception>
    /// <exception cref="IOException">No silo that can be reached has the model.</exception>
    /// <exception cref="InvalidDataException">Another model has that name on this silo.</exception>
    public void LoadModel(IReplica replica, ModelReference model, ulong seed, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(replica);
        ArgumentNullException.ThrowIfNull(model);
        if (replica.Parameters.Lora is not null)
            replica.InitializeTrained(seed);
        Stream(model, seed, (start, values) => replica.WriteBase(start, values), cancellation);
        Clear(replica, ReplicaPart.FirstMoments);
        Clear(replica, ReplicaPart.SecondMoments);
        replica.Loaded(0);
    }

    /// <summary>Fills the frozen parameters of a replica; what it trains comes from elsewhere.</summary>
    /// <param name="replica">A replica of the model's shape.</param>
    /// <param name="model">What the run started from.</param>
    /// <param name="seed">The run's.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <exception cref="UserErrorException">As <see cref="LoadModel"/>.</exception>
    /// <exception cref="IOException">No silo that can be reached has the model.</exception>
    /// <exception cref="InvalidDataException">Another model has that name on this silo.</exception>
    public void LoadFrozen(IReplica replica, ModelReference model, ulong seed, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(replica);
        ArgumentNullException.ThrowIfNull(model);
        Stream(model, seed, (start, values) => replica.WriteBase(start, values, frozenOnly: true), cancellation);
    }

    /// <summary>Gives every parameter of a model, in fp32.</summary>
    private void Stream(ModelReference model, ulong seed, BaseSink sink, CancellationToken cancellation)
    {
        if (model.IsScratch)
            StreamScratch(model.Shape, seed, sink, cancellation);
        else if (model.BaseRun is { } run)
        {
            var checkpoint = new CheckpointEntry(model.Step!.Value, model.Sha256!, Silo: null, Path: "", null);
            StreamCheckpoint(run, checkpoint, sink, cancellation);
        }
        else
            StreamStored(model, sink, cancellation);
    }

    private static void StreamScratch(ModelShape shape, ulong seed, BaseSink sink, CancellationToken cancellation)
    {
        var layout = new ParameterLayout(shape);
        ForPieces(
            layout.Length, (start, piece) => WeightInitialization.Fill(layout, seed, start, piece), sink, cancellation);
    }

    private void StreamStored(ModelReference model, BaseSink sink, CancellationToken cancellation)
    {
        using var found = Model(model.Name)
            ?? throw new IOException($"no silo that can be reached has the model {model.Name}");
        var weights = Path.Combine(
            paths.FolderOf($"models/{Presets.Canonical(model.Name)}"), ModelFolder.WeightsFileName);
        if (model.Sha256 is { } expected && hashes.OfModel(weights).WaitHere(cancellation) != expected)
        {
            throw new InvalidDataException(
                $"the model {model.Name} on silo {silo.Name} has other weights than the run began with; put the right "
                + "ones there, or stop that silo");
        }

        if (found.Shape != model.Shape)
            throw new UserErrorException($"{model.Name} has another shape than the run; submit it under another name.");
        StreamFolder(found.Folder!, sink, cancellation);
    }

    /// <summary>
    /// The whole model as it stood at a checkpoint: what the run trained from there, the rest from what it started
    /// with, adapters merged into it.
    /// </summary>
    private void StreamCheckpoint(
        RunName run, CheckpointEntry checkpoint, BaseSink sink, CancellationToken cancellation)
    {
        var factors = new Dictionary<ParameterId, float[]>();
        var manifest = ReadCheckpoint(run, checkpoint, Take, cancellation);
        if (manifest.FrozenHash is null)
            return;
        var specification = manifest.Record.Specification;
        var parameters = specification.Parameters();
        Stream(
            specification.Model,
            specification.Seed,
            (start, values) =>
            {
                foreach (var (slice, offset, first, count) in parameters.Base.Parts(start, values.Length))
                {
                    var id = slice.Parameter.Id;
                    var part = values.Slice(first, count);
                    if (parameters.Frozen.Find(id) is null)
                        continue;
                    if (factors.TryGetValue(id with { Factor = AdapterFactor.A }, out var a))
                    {
                        var b = factors[id with { Factor = AdapterFactor.B }];
                        AdapterMerge.Add(part, offset, slice.Dimensions[^1], a, b, parameters.Lora!.Scale);
                    }

                    sink(start + first, part);
                }
            },
            cancellation);

        void Take(ReplicaPart part, ParameterLayout layout, long start, ReadOnlySpan<float> values)
        {
            var whole = new ParameterLayout(layout.Shape);
            foreach (var (slice, offset, first, count) in layout.Parts(start, values.Length))
            {
                var id = slice.Parameter.Id;
                if (id.Factor == AdapterFactor.None)
                {
                    sink(whole[id].Start + offset, values.Slice(first, count).ToArray());
                    continue;
                }

                if (!factors.TryGetValue(id, out var factor))
                    factors.Add(id, factor = new float[slice.Length]);
                values.Slice(first, count).CopyTo(factor.AsSpan((int)offset));
            }
        }
    }

    /// <summary>One that is not this run's own: nothing else can be used in its place.</summary>
    private CheckpointManifest ReadCheckpoint(
        RunName run, CheckpointEntry checkpoint, CheckpointSink sink, CancellationToken cancellation)
    {
        var what = $"The checkpoint of step {checkpoint.Step} of the run {run}";
        try
        {
            return BlockingWait.RunHere(
                () => checkpoints.Read(run, checkpoint, [ReplicaPart.Parameters], sink, cancellation));
        }
        catch (CheckpointLoadException problem)
        {
            throw new UserErrorException(
                problem.Failure.Kind == FailureKind.CheckpointDamaged
                    ? $"{what} does not verify: {problem.Message}; use another checkpoint or model."
                    : $"{what} cannot be had: {problem.Message}; start the silo that holds it, or use another.",
                problem);
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
            (replica, cancellation) =>
            {
                StreamFolder(folder, (start, values) => replica.WriteBase(start, values), cancellation);
                replica.Loaded(0);
            },
            folder);
    }

    private OpenParameters Checkpoint(ParameterSource source)
    {
        var name = RunName.Parse(source.Name);
        var run = grains.Run(name).Describe().WaitHere()
            ?? throw UserErrorException.NotFound($"There is no run named {name}; runs shows those there are.");
        var checkpoint = Choose(run.Record, source.Checkpoint);
        var model = run.Record.Specification.Model;
        return new OpenParameters(
            model.Shape,
            VocabularyOf(model),
            (replica, cancellation) =>
            {
                StreamCheckpoint(
                    name, checkpoint, (start, values) => replica.WriteBase(start, values), cancellation);
                replica.Loaded(checkpoint.Step);
            },
            null);
    }

    private static CheckpointEntry Choose(RunRecord run, string wish)
    {
        var name = run.Specification.Run;
        if (run.Checkpoints.Count == 0)
            throw UserErrorException.NotFound($"The run {name} has no checkpoint yet.");
        return run.Checkpoint(wish) ?? throw UserErrorException.NotFound(wish == "best"
            ? $"The run {name} has no best checkpoint, as it was not validated; use last."
            : $"The run {name} has no checkpoint of step {wish}; it has those of "
                + $"{string.Join(", ", run.Checkpoints.Reverse().Select(entry => entry.Step))}.");
    }

    private bool BringHere(string relative) =>
        Directory.Exists(paths.FolderOf(relative)) || peers.BringFromAny(relative);

    private static void StreamFolder(ModelFolder folder, BaseSink sink, CancellationToken cancellation) =>
        ForPieces(folder.Layout.Length, folder.ReadParameters, sink, cancellation);

    private static void ForPieces(
        long length, Action<long, Span<float>> read, BaseSink sink, CancellationToken cancellation)
    {
        var piece = new float[(int)Math.Min(PieceElements, length)];
        for (var start = 0L; start < length; start += piece.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            var values = piece.AsSpan(0, (int)Math.Min(piece.Length, length - start));
            read(start, values);
            sink(start, values);
        }
    }
}

/// <summary>Takes fp32 elements of a whole model.</summary>
/// <param name="start">Index of the first in <see cref="ModelParameters.Base"/>.</param>
/// <param name="values">The elements; they may be changed.</param>
internal delegate void BaseSink(long start, Span<float> values);

/// <summary>Parameters that were found: their shape, their words, and how they come into a replica.</summary>
/// <param name="Shape">The model's shape.</param>
/// <param name="Vocabulary">The model's vocabulary.</param>
/// <param name="LoadInto">Writes them into a replica of that shape.</param>
/// <param name="Folder">The model's folder, open meanwhile; null for what is none.</param>
public sealed record OpenParameters(
    ModelShape Shape,
    Gpt2Vocabulary Vocabulary,
    Action<IReplica, CancellationToken> LoadInto,
    ModelFolder? Folder) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Folder?.Dispose();
}

using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Client.Upload;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;
using Gpt2Cluster.Data.Uploads;

namespace Gpt2Cluster.Client.Training;

/// <summary>
/// From the words of <c>train</c> or <c>submit</c> to a submitted run. Everything that can be checked on this machine
/// is checked before a cluster is started or reached, and everything else before the run is submitted.
/// </summary>
internal sealed class RunPreparation
{
    private readonly CommandContext context;
    private readonly SpecificationBuilder builder;
    private readonly IReadOnlyList<DatasetOfRun> datasets;
    private readonly DatasetUpload? validation;
    private readonly ModelReference? known;

    private RunPreparation(
        CommandContext context,
        SpecificationBuilder builder,
        ModelReference? known,
        IReadOnlyList<DatasetOfRun> datasets,
        DatasetUpload? validation)
    {
        this.context = context;
        this.builder = builder;
        this.known = known;
        this.datasets = datasets;
        this.validation = validation;
    }

    /// <summary>The run's name.</summary>
    public string Run => builder.Run.ToString();

    /// <summary>Checks all that needs no cluster.</summary>
    /// <exception cref="UserErrorException">Something is wrong; the message names all of it.</exception>
    public static async Task<RunPreparation> Check(
        CommandContext context,
        TrainingOptions options,
        IReadOnlyList<NamedDataset> datasets,
        CancellationToken cancellation)
    {
        var builder = new SpecificationBuilder(options, context.Arguments);
        var known = new ModelResolver(context).Preview(builder.Model);
        builder.Vocabulary = new ModelVocabularies(context).Preview(builder.Model);
        if (known is not null)
            Throw(builder.Errors(known));
        var choices = options.Sources.Read(context) with
        {
            TokenCount = builder.Vocabulary?.Count ?? Gpt2Vocabulary.MostTokens,
        };
        var sources = datasets.Select(dataset => DatasetSource.Open(dataset.Path, choices, cancellation)).ToList();
        var validation = context.Arguments.GetValue(options.ValDataset) is { } named
            ? DatasetSource.Open(named, choices, cancellation)
            : null;
        var uploads = new List<DatasetOfRun>();
        foreach (var (source, dataset) in sources.Zip(datasets))
            uploads.Add(new(await Uploads.Check(context.Output, source, cancellation), dataset.Weight));
        var other = validation is null ? null : await Uploads.Check(context.Output, validation, cancellation);
        if (known is not null && context.Choices.Cluster is LocalAddress)
            CheckOwnDisk(context, builder, known);
        return new RunPreparation(context, builder, known, uploads, other);
    }

    /// <summary>Sends datasets and model, and submits the run.</summary>
    /// <exception cref="UserErrorException">The cluster refuses it.</exception>
    public async Task<SubmittedRun> Submit(ClusterSession session, CancellationToken cancellation)
    {
        var grain = session.Grains.Run(Run);
        var before = await session.Patience.Call(grain.Describe, cancellation);
        RefuseFinished(before);
        if (before is null && known is not null)
            await LookAtSilos(session, known, cancellation);
        var model = await new ModelResolver(context).Pin(session, builder.Model, cancellation);
        var vocabulary = await ModelVocabularies.Of(session, model, cancellation);
        if (vocabulary.Reference is not null)
            vocabulary.CheckRows(model.Shape.VocabularySize, model.Name);
        builder.Vocabulary = vocabulary;
        model = model with { Vocabulary = vocabulary.Reference };
        Throw(builder.Errors(model));
        if (before is null && known is null)
            await LookAtSilos(session, model, cancellation);
        var specification = await Specification(session, model, cancellation);
        specification = await WithLicense(session, specification, before, cancellation);
        if (builder.FitsBatch || builder.HasOpenBatch)
            specification = await WithSettledBatch(session, specification, before, cancellation);
        var submission = new Submission
        {
            Specification = specification,
            PauseAt = builder.PauseAt,
        };

        // Whoever gives up now cannot know whether the run was taken: the answer is waited for, and a run that was
        // taken is paused by its watch.
        cancellation.ThrowIfCancellationRequested();
        var answer = await session.Patience.Call(() => grain.Submit(submission), CancellationToken.None);
        if (answer.Outcome == SubmissionOutcome.Refused)
            Throw(answer.Reasons.Length > 0 ? answer.Reasons : [$"The cluster refused the run {Run}."]);

        // A submission that was repeated after an outage may count events of its own; those before the first are known.
        return new SubmittedRun(answer.Outcome, before?.LastSequence ?? 0, specification.Steps);
    }

    private static void Throw(IReadOnlyList<string> errors)
    {
        if (errors.Count > 0)
            throw new UserErrorException(string.Join(Environment.NewLine, errors));
    }

    private void RefuseFinished(RunDescription? before)
    {
        if (before?.Summary.Status is EndStatus.Completed or EndStatus.Cancelled or EndStatus.EarlyStopped)
        {
            throw new UserErrorException(
                $"The run {Run} is {before.Summary.Status.Replace('_', ' ')}; choose another name with --run NEW, and "
                + $"start from its weights with --model run:{Run} if they are wanted.");
        }
    }

    private async Task<RunSpecification> Specification(
        ClusterSession session, ModelReference model, CancellationToken cancellation)
    {
        var uploads = new Uploads(session, context.Output);
        var vocabulary = builder.Vocabulary ?? Gpt2Vocabulary.BuiltIn;
        var sources = new List<SourceTokens>();
        foreach (var (upload, weight) in datasets)
        {
            var tokens = await Send(uploads, upload, vocabulary, cancellation);
            sources.Add(new SourceTokens(upload.Source.Path, weight, tokens));
        }

        var other = validation is null ? null : await Send(uploads, validation, vocabulary, cancellation);
        var warnings = new List<string>();
        if (vocabulary.EndOfText is null)
            warnings.Add(ModelVocabularies.NoEndOfText);
        var specification = builder.Build(model, sources, other, warnings);
        Throw(SpecificationCheck.Errors(specification));
        foreach (var warning in warnings)
        {
            context.Output.JsonLine(RunEventJson.Write(new WarningEvent { Run = Run, Message = warning }));
            if (!context.Output.IsJson)
                context.Output.Warn(warning);
        }

        return specification;
    }

    /// <summary>
    /// A licence that is not named is that of what the run begins with, once: it stays the run's if that changes or
    /// goes, and a run that was submitted before keeps its own.
    /// </summary>
    private static async Task<RunSpecification> WithLicense(
        ClusterSession session, RunSpecification specification, RunDescription? before, CancellationToken cancellation)
    {
        if (specification.License is not null)
            return specification;
        var license = before is null
            ? await Licenses.Of(session, specification.Model, cancellation)
            : before.Record.Specification.License;
        return specification with { License = license };
    }

    /// <summary>
    /// Settles <c>--batch-size auto</c>, or what it is on cards where nobody names it, once: a run that was submitted
    /// before keeps its number, whatever machines are there now.
    /// </summary>
    private async Task<RunSpecification> WithSettledBatch(
        ClusterSession session, RunSpecification specification, RunDescription? before, CancellationToken cancellation)
    {
        if (before is not null)
        {
            // Where nobody names it, only cards settle it otherwise than by the default.
            var run = before.Record.Specification;
            if (builder.FitsBatch)
                context.Output.WriteMessage($"The run {Run} keeps its --batch-size {run.BatchSize}.");
            return builder.FitsBatch || run.Device == DeviceKind.Cuda
                ? specification with { BatchSize = run.BatchSize }
                : specification;
        }

        var silos = await session.Silos(cancellation);
        var settled = builder.FitsBatch
            ? MemoryCheck.LargestBatch(specification, silos)
            : MemoryCheck.FillingBatch(specification, silos);
        if (settled is null)
            return specification;
        context.Output.JsonLine(RunEventJson.Write(new WarningEvent { Run = Run, Message = settled.Words }));
        context.Output.WriteMessage(settled.Words);
        return specification with { BatchSize = settled.Windows };
    }

    private static async Task<TokenCounts> Send(
        Uploads uploads, DatasetUpload upload, Gpt2Vocabulary vocabulary, CancellationToken cancellation)
    {
        var stored = await uploads.Dataset(upload, vocabulary, cancellation);
        upload.Source.Dispose();
        return new TokenCounts(stored.Hash, stored.TokenCount);
    }

    /// <summary>Before silos are started and a model is copied; a run that has checkpoints here goes on.</summary>
    private static void CheckOwnDisk(CommandContext context, SpecificationBuilder builder, ModelReference model)
    {
        var folder = context.Choices.DataFolder;
        if (Directory.Exists(folder.RunFolder(builder.Run.ToString())))
            return;
        var free = context.FreeDiskBytes(folder.Root);
        if (DiskSpace.Error($"The disk of '{folder.Root}'", free, builder.Preview(model)) is { } error)
            throw new UserErrorException(error);
    }

    /// <summary>
    /// Whether their disks and memories can hold the run, and what they have to say of their devices.
    /// </summary>
    private async Task LookAtSilos(ClusterSession session, ModelReference model, CancellationToken cancellation)
    {
        var silos = await session.Silos(cancellation);
        var preview = builder.Preview(model);
        if (builder.HasOpenBatch && MemoryCheck.FillingBatch(preview, silos) is { } filling)
            preview = preview with { BatchSize = filling.Windows };
        if (MemoryCheck.Error(preview, silos) is { } tooSmall)
            throw new UserErrorException(tooSmall);
        if (MemoryCheck.WorkerBytes(preview, silos) is { } bytes)
        {
            var what = builder.FitsBatch || builder.HasOpenBatch ? $"With --batch-size {preview.BatchSize} a" : "A";
            context.Output.Detail(FormattableString.Invariant(
                $"{what} worker of this run takes about {bytes / 1e9:0.00} GB of memory."));
        }

        foreach (var silo in silos)
        {
            var place = $"The disk of {silo.Name}";
            if (DiskSpace.Error(place, silo.FreeDiskBytes, preview) is { } error)
                throw new UserErrorException(error);
            if (silo.DeviceNotice is { } notice)
                context.Output.Warn($"{silo.Name}: {notice}");
        }
    }
}

/// <summary>A run that was submitted.</summary>
/// <param name="Outcome">Whether it is new.</param>
/// <param name="EventsBefore">Sequence number of the last event before.</param>
/// <param name="Steps">Steps in all.</param>
internal sealed record SubmittedRun(SubmissionOutcome Outcome, long EventsBefore, long Steps);

/// <summary>A dataset to train on, on its way to the cluster.</summary>
/// <param name="Upload">The dataset.</param>
/// <param name="Weight">What the others' weights are measured against; 1 where it is the only one.</param>
internal sealed record DatasetOfRun(DatasetUpload Upload, long Weight);

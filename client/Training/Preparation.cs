using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Client.Upload;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Datasets;

namespace Gpt2Cluster.Client.Training;

/// <summary>
/// From the words of <c>train</c> or <c>submit</c> to a submitted run. Everything that can be checked on this machine
/// is
/// checked before a cluster is started or reached, and everything else before the run is submitted.
/// </summary>
internal sealed class Preparation
{
    /// <summary>Bytes of one parameter in a checkpoint: itself and two moments, fp32.</summary>
    private const int CheckpointBytesPerParameter = 12;

    private readonly CommandContext context;
    private readonly SpecificationBuilder builder;
    private readonly DatasetSource dataset;
    private readonly DatasetSource? validation;

    private Preparation(
        CommandContext context, SpecificationBuilder builder, DatasetSource dataset, DatasetSource? validation)
    {
        this.context = context;
        this.builder = builder;
        this.dataset = dataset;
        this.validation = validation;
    }

    /// <summary>The run's name.</summary>
    public string Run => builder.Run.ToString();

    /// <summary>Checks all that needs no cluster.</summary>
    /// <exception cref="UserErrorException">Something is wrong; the message names all of it.</exception>
    public static Preparation Check(
        CommandContext context, TrainingOptions options, string path, CancellationToken cancellation)
    {
        var builder = new SpecificationBuilder(options, context.Arguments);
        if (ModelResolver.Preview(builder.Model) is { } known)
            Throw(builder.Errors(known));
        var dataset = DatasetSource.Open(path);
        var validation = context.Arguments.GetValue(options.ValDataset) is { } other ? DatasetSource.Open(other) : null;
        dataset.Validate(cancellation: cancellation);
        validation?.Validate(cancellation: cancellation);
        return new Preparation(context, builder, dataset, validation);
    }

    /// <summary>Sends dataset and model, and submits the run.</summary>
    /// <exception cref="UserErrorException">The cluster refuses it.</exception>
    public async Task<SubmittedRun> Submit(ClusterSession session, CancellationToken cancellation)
    {
        var grain = session.Grains.GetGrain<ITrainingRun>(Run);
        var before = await session.Patience.Call(grain.Describe, cancellation);
        RefuseFinished(before);
        var model = await new ModelResolver(context).Resolve(session, builder.Model, cancellation);
        Throw(builder.Errors(model));
        await CheckDisk(session, model, cancellation);
        var specification = await Specification(session, model, cancellation);
        var submission = new Submission
        {
            SpecificationJson = SpecificationJson.Write(specification),
            PauseAt = builder.PauseAt,
        };
        var answer = await session.Patience.Call(() => grain.Submit(submission), cancellation);
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
        var tokens = await Send(uploads, dataset, cancellation);
        var other = validation is null ? null : await Send(uploads, validation, cancellation);
        var warnings = new List<string>();
        var specification = builder.Build(model, tokens, other, warnings);
        Throw(SpecificationCheck.Errors(specification));
        foreach (var warning in warnings)
        {
            context.Output.JsonLine(RunEventJson.Write(new WarningEvent { Run = Run, Message = warning }));
            if (!context.Output.IsJson)
                context.Output.Warn(warning);
        }

        return specification;
    }

    private static async Task<TokenCounts> Send(Uploads uploads, DatasetSource source, CancellationToken cancellation)
    {
        var stored = await uploads.Dataset(source, cancellation);
        return new TokenCounts(stored.Hash, stored.TokenCount);
    }

    private static async Task CheckDisk(ClusterSession session, ModelReference model, CancellationToken cancellation)
    {
        var needed = 2 * CheckpointBytesPerParameter * new ParameterLayout(model.Shape).Length;
        var silos = await session.Silos(cancellation);
        if (silos.FirstOrDefault(silo => silo.FreeDiskBytes < needed) is { } full)
        {
            throw new UserErrorException(
                $"The disk of {full.Name} has {Output.Formats.Bytes(full.FreeDiskBytes)} free and two checkpoints of "
                + $"{model.Name} need {Output.Formats.Bytes(needed)}; free some, or choose another folder with "
                + "--data.");
        }
    }
}

/// <summary>A run that was submitted.</summary>
/// <param name="Outcome">Whether it is new.</param>
/// <param name="EventsBefore">Sequence number of the last event before.</param>
/// <param name="Steps">Steps in all.</param>
internal sealed record SubmittedRun(SubmissionOutcome Outcome, long EventsBefore, long Steps);

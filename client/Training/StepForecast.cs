using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Jobs;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Jobs;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs.Planning;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Client.Training;

/// <summary>
/// How long a step of a run would take on a cluster's workers, before there is the run: each worker times some steps of
/// the model, all at the same time, then the silos average as many values as take their links half a second.
/// </summary>
internal sealed class StepForecast : IAsyncDisposable
{
    /// <summary>Two steps warm up; the fewest that have a median which one disturbance leaves alone.</summary>
    private const int ProbeSteps = 7;

    private const int ProbeRounds = 3;

    /// <summary>A shorter round says more of messages than of the link.</summary>
    private const double LongEnoughSeconds = 0.5;

    private const int GrowthOfProbe = 4;

    /// <summary>
    /// Stripes of each silo in the first probe: it sends sums of the others' and averages of its own.
    /// </summary>
    private const int FirstStripesPerSilo = 2;

    private readonly CommandContext context;
    private readonly SpecificationBuilder builder;
    private readonly ModelReference? known;
    private ClusterSession? session;

    private StepForecast(CommandContext context, SpecificationBuilder builder, ModelReference? known)
    {
        this.context = context;
        this.builder = builder;
        this.known = known;
    }

    /// <summary>Checks all that needs no cluster.</summary>
    /// <exception cref="UserErrorException">An option cannot be; the message names all of them.</exception>
    public static StepForecast Check(CommandContext context, TrainingOptions options)
    {
        var builder = new SpecificationBuilder(options, context.Arguments);
        var known = new ModelResolver(context).Preview(builder.Model);
        builder.Vocabulary = new ModelVocabularies(context).Preview(builder.Model);
        if (known is not null)
            Throw(builder.Errors(known));
        return new StepForecast(context, builder, known);
    }

    /// <summary>The model's vocabulary as far as this machine knows it.</summary>
    public Gpt2Vocabulary? KnownVocabulary => builder.Vocabulary;

    /// <summary>T of the run; null where only the cluster knows the model.</summary>
    public int? SequenceLength => known is null ? null : builder.Preview(known).SequenceLength;

    /// <summary>The model's vocabulary, which the cluster is asked for where this machine does not know it.</summary>
    /// <exception cref="UserErrorException">There is no such model, or its vocabulary cannot be used.</exception>
    /// <exception cref="ClientException">The cluster is out of reach, or no silo has it.</exception>
    public async Task<Gpt2Vocabulary> ReadVocabulary(CancellationToken cancellation)
    {
        if (builder.Vocabulary is { } known)
            return known;
        session ??= await ClusterSession.Open(context, cancellation);
        return builder.Vocabulary = await new ModelVocabularies(context).Ask(session, builder.Model, cancellation);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => session?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>Measures the cluster.</summary>
    /// <param name="sources">The datasets, one or more.</param>
    /// <param name="validationTokenCount">Of <c>--val-dataset</c>; null without it.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The fields of <c>cluster</c> in what <c>inspect</c> prints.</returns>
    /// <exception cref="UserErrorException">The run cannot be as it is asked for.</exception>
    /// <exception cref="ClientException">The cluster is out of reach, or has no workers for the run.</exception>
    public async Task<JsonObject> Measure(
        IReadOnlyList<SourceTokens> sources, long? validationTokenCount, CancellationToken cancellation)
    {
        session ??= await ClusterSession.Open(context, cancellation);
        var model = known ?? await new ModelResolver(context).Resolve(session, builder.Model, cancellation);
        Throw(builder.Errors(model));
        var warnings = new List<string>();
        var validation = validationTokenCount is { } count ? new TokenCounts("", count) : null;
        var specification = builder.Build(model, sources, validation, warnings);
        Throw(SpecificationCheck.Errors(specification));
        warnings.ForEach(context.Output.Warn);

        var silos = await session.Silos(cancellation);
        if (ServingWorkers.Of(specification, silos) is not { } serving)
            throw new ClientException(ExitCodes.Failed, "The cluster has no worker that could serve the run.");
        specification = specification with { Precision = specification.Precision ?? serving.Devices.Precision };
        var settled = builder.FitsBatch ? MemoryCheck.LargestBatch(specification, silos)
            : builder.HasOpenBatch ? MemoryCheck.FillingBatch(specification, silos)
            : null;
        if (settled is not null)
        {
            context.Output.WriteMessage(settled.Words);
            specification = specification with { BatchSize = settled.Windows };
        }

        if (MemoryCheck.Error(specification, silos) is { } tooSmall)
            throw new UserErrorException(tooSmall);
        var workers = serving.Silos.SelectMany(silo => silo.Workers).ToList();
        foreach (var worker in workers.Where(worker => worker.Run is not null))
            context.Output.Warn($"{worker.Key} serves the run {worker.Run}, which is measured with it.");

        context.Output.WriteMessage($"measuring steps on {workers.Count} workers");
        var speeds = await Task.WhenAll(
            workers.Select(worker => Speed(session, worker, specification, cancellation)));
        var parameters = specification.Parameters();
        var rate = await LinkRate(session, workers, parameters.Trained.Length, cancellation);
        var cost = StepCost.Probed(
            parameters,
            specification.MicroBatchCount,
            [.. speeds.Select((speed, index) => new WorkerSpeed(workers[index].SiloName, speed.MicroBatchSeconds))],
            speeds.Max(speed => speed.UpdateSeconds),
            rate ?? double.PositiveInfinity);
        var fields = Fields(specification, parameters, workers, speeds, rate, cost);
        fields["memory_bytes"] = MemoryCheck.WorkerBytes(specification, silos);
        return fields;
    }

    private static void Throw(IReadOnlyList<string> errors)
    {
        if (errors.Count > 0)
            throw new UserErrorException(string.Join(Environment.NewLine, errors));
    }

    private static async Task<ProbedSpeed> Speed(
        ClusterSession session,
        WorkerDescription worker,
        RunSpecification specification,
        CancellationToken cancellation)
    {
        var wish = new BenchStepRequest
        {
            Preset = specification.Model.Name,
            Shape = specification.Model.Shape,
            BatchSize = specification.BatchSize,
            SequenceLength = specification.SequenceLength,
            Precision = PrecisionWords.Of(specification.Precision!.Value),
            Steps = ProbeSteps,
            Threads = specification.ThreadsPerWorker,
            Train = new TrainingScope(specification.Trainable, specification.Lora?.Rank).ToString(),
            Recompute = specification.Recompute,
        };
        var found = await JobCall.Result(session, worker, new JobRequest { BenchStep = wish }, cancellation);
        const string update = "optimizer";
        var phases = found["phase_seconds"]!.AsObject()
            .ToDictionary(phase => phase.Key, phase => phase.Value!.GetValue<double>());
        var compute = phases.Where(phase => phase.Key != update).Sum(phase => phase.Value);

        // The norm is in no phase.
        var rest = found["seconds_per_step"]!.GetValue<double>() - compute;
        return new ProbedSpeed(compute, Math.Max(rest, phases[update]));
    }

    /// <summary>What a silo's link carries, payload bytes a second; null where there is one silo.</summary>
    private async Task<double?> LinkRate(
        ClusterSession session,
        IEnumerable<WorkerDescription> workers,
        long gradientLength,
        CancellationToken cancellation)
    {
        var members = workers.DistinctBy(worker => worker.SiloName).ToList();
        if (members.Count < 2)
            return null;
        context.Output.WriteMessage($"measuring the links of {members.Count} silos");
        long floats = members.Count * FirstStripesPerSilo * StripeLayout.DefaultStripeElements;
        while (true)
        {
            floats = Math.Min(floats, gradientLength);
            var request = new JobRequest
            {
                BenchExchange = new BenchExchangeRequest
                {
                    Floats = floats,
                    Rounds = ProbeRounds,
                    Silos = [.. members.Select(member => member.SiloName)],
                },
            };
            var name = Guid.NewGuid().ToString("N");
            var results = await Task.WhenAll(
                members.Select(member => JobCall.Result(session, member, request, cancellation, name)));
            var seconds = results[0]["seconds"]!.GetValue<double>();
            if (seconds >= LongEnoughSeconds || floats == gradientLength)
                return StepCost.GradientsSent(members.Count) * floats * sizeof(float) / seconds;
            floats *= GrowthOfProbe;
        }
    }

    private static JsonObject Fields(
        RunSpecification specification,
        ModelParameters parameters,
        List<WorkerDescription> workers,
        ProbedSpeed[] speeds,
        double? rate,
        StepCost cost)
    {
        var tokens = specification.TokensPerStep;
        var epoch = (double)specification.WindowsOfFirstPass()
            / ((long)specification.BatchSize * specification.MicroBatchCount);
        var steps = ScalingAdvice.Choices(cost);
        return new JsonObject
        {
            ["model"] = specification.Model.Name,
            ["batch_size"] = specification.BatchSize,
            ["micro_batches"] = specification.MicroBatchCount,
            ["sequence_length"] = specification.SequenceLength,
            ["train"] = new TrainingScope(specification.Trainable, specification.Lora?.Rank).ToString(),
            ["precision"] = PrecisionWords.Of(specification.Precision!.Value),
            ["steps_per_epoch"] = epoch,
            ["gradient_bytes"] = parameters.Trained.Length * sizeof(float),
            ["link_bytes_per_second"] = rate,
            ["workers"] = new JsonArray([.. workers.Zip(speeds, (worker, speed) => new JsonObject
            {
                ["worker"] = worker.Key,
                ["device"] = worker.Kind,
                ["threads"] = specification.ThreadsPerWorker ?? worker.Cores,
                ["seconds_per_micro_batch"] = speed.MicroBatchSeconds,
                ["update_seconds"] = speed.UpdateSeconds,
            })]),
            ["steps"] = new JsonArray([.. steps.Select(step => new JsonObject
            {
                ["workers"] = step.WorkerCount,
                ["silos"] = step.SiloCount,
                ["seconds"] = step.StepSeconds,
                ["exposed_exchange_seconds"] = step.ExposedSeconds,
                ["exchanged_bytes"] = step.BytesPerSilo * step.SiloCount,
                ["tokens_per_second"] = tokens / step.StepSeconds,
                ["seconds_per_epoch"] = epoch * step.StepSeconds,
            })]),
            ["fastest_workers"] = steps.MinBy(step => step.StepSeconds).WorkerCount,
            ["advice"] = ScalingAdvice.Sentence(cost),
            ["what_helps"] = new JsonArray([.. ScalingAdvice.Help(cost).Select(help => JsonValue.Create(help))]),
        };
    }

    /// <summary>What a probe says of a worker.</summary>
    private readonly record struct ProbedSpeed(double MicroBatchSeconds, double UpdateSeconds);
}

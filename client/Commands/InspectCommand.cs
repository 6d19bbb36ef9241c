using System.CommandLine;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Jobs;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Windows;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Client.Commands;

/// <summary>
/// <c>inspect DATASET</c>: what a dataset holds and what a run on it would cost, which needs no cluster; with a model
/// named, or a cluster, also how long a step would take there.
/// </summary>
internal sealed class InspectCommand : ClientCommand
{
    /// <summary>Operations of a token's forward and backward pass by parameter (Kaplan et al. 2020).</summary>
    private const double OperationsPerParameter = 6;

    /// <summary>The rank of the adapters whose memory is told beside that of full training.</summary>
    private const int AdapterRank = 8;

    /// <summary>Parameters and two moments, fp32.</summary>
    private const long CheckpointBytesPerParameter = 12;

    private readonly DatasetArgument dataset = new(isOptional: true);
    private readonly TrainingOptions options = new();
    private readonly SourceChoices choices = new();

    /// <summary>Makes the command.</summary>
    public InspectCommand()
        : base("inspect", "Tells what a dataset holds and what a run on it would cost.", "inspect novel.txt --json")
    {
        Arguments.Add(dataset);
        foreach (var option in MixOptions.Concat(ForecastOptions).Concat(choices.All))
            Options.Add(option);
    }

    /// <inheritdoc/>
    public override string Remarks =>
        "With --model or --cluster it also measures the cluster's workers and the links between its silos, for some "
        + "seconds, and says how long a step would take with one silo, with two and so on up to all, which is the "
        + "fastest, and what would help if that is not all of them." + Environment.NewLine
        + "With --mix it says what each of several datasets holds, and how often a run of --steps goes through it."
        + Environment.NewLine
        + "Memory is for one silo's worker in bf16 at the model's context and the default batch, checkpoints included; "
        + "\"with adapters\" is --train lora:8. --model alone starts a local cluster to measure.";

    private Option[] MixOptions => [options.Mix, options.Steps, options.ValSplit];

    private Option[] ForecastOptions =>
    [
        options.Model, options.BatchSize, options.MicroBatches, options.SequenceLength, options.Train, options.Device,
        options.Precision, options.Recompute, options.ThreadsPerWorker,
    ];

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        await using var forecast = AsksForForecast(context) ? StepForecast.Check(context, options) : null;
        if (IsMix(context))
        {
            var report = new MixReport(context, options, choices, forecast);
            var (sources, fields) = await report.Read(dataset.ReadAll(context, options), cancellation);
            if (forecast is not null)
                fields["cluster"] = await forecast.Measure(sources, cancellation);
            Facts.Show(context.Output, fields);
            return ExitCodes.Done;
        }

        string? rendered = null;
        var reading = choices.Read(context, text => rendered ??= text);
        if (forecast is not null)
            reading = reading with { TokenCount = forecast.KnownVocabulary?.Count ?? Gpt2Vocabulary.MostTokens };
        using var source = DatasetSource.Open(dataset.Read(context), reading, cancellation);
        source.Validate(cancellation: cancellation);
        var vocabulary = forecast is null
            ? Gpt2Vocabulary.BuiltIn
            : await forecast.ReadVocabulary(cancellation);
        TokenizedDataset? tokens = null;
        await ProgressBars.Run(context.Output, $"reading {source.Path}", source.Bytes, progress => Task.Run(
            () =>
            {
                using var tokenizer = new DatasetTokenizer(
                    Stream.Null, tokenizer: new Gpt2Tokenizer(vocabulary));
                source.Read(tokenizer, progress, cancellation);
                tokens = tokenizer.Complete();
            },
            cancellation));
        var facts = new JsonObject
        {
            ["files"] = source.Files.Count,
            ["bytes"] = source.Bytes,
            ["documents"] = tokens!.DocumentCount,
            ["tokens"] = tokens.TokenCount,
            ["bytes_per_token"] = (double)source.Bytes / tokens.TokenCount,
            ["sha256_of_uint16_little_endian"] = tokens.Sha256,
            ["models"] = new JsonArray([.. Presets.All.Select(preset => Cost(preset, tokens.TokenCount))]),
        };
        if (rendered is not null)
            facts["rendered"] = rendered + Gpt2Vocabulary.EndOfTextWord;
        if (forecast is not null)
            facts["cluster"] = await forecast.Measure(
                [new SourceTokens(source.Path, 1, new TokenCounts(tokens.Sha256, tokens.TokenCount))], cancellation);
        Facts.Show(context.Output, facts);
        return ExitCodes.Done;
    }

    /// <exception cref="UsageException">
    /// An option says something of a run, but no model or cluster is named.
    /// </exception>
    private bool AsksForForecast(CommandContext context)
    {
        var arguments = context.Arguments;
        if (arguments.GetResult(options.Model) is not null || arguments.GetResult("--cluster") is not null)
            return true;
        if (IsMix(context))
            return false;
        return Array.Find(MixOptions, option => arguments.GetResult(option) is not null) is { } unmixed
            ? throw new UsageException($"{unmixed.Name} needs --mix here.")
            : Array.Find(ForecastOptions, option => arguments.GetResult(option) is { Implicit: false }) is { } lonely
            ? throw new UsageException($"{lonely.Name} needs --model M or --cluster C here.")
            : false;
    }

    private bool IsMix(CommandContext context) => context.Arguments.GetResult(options.Mix) is not null;

    private static long MemoryOf(ModelShape shape, TrainingDefaults defaults, int length, TrainingScope scope) =>
        MemoryEstimate.Of(MemoryEstimate.DemandOf(shape, defaults, length, scope, Precision.BFloat16)).TotalBytes;

    private static JsonObject Cost(Preset preset, long tokenCount)
    {
        var length = (int)Math.Min(preset.Shape.ContextLength, tokenCount - 1);
        var windows = new WindowLayout(tokenCount, length).WindowCount;
        var parameters = new ParameterLayout(preset.Shape).Length;
        var defaults = preset.Name == "tiny" ? preset.ScratchDefaults : Presets.FineTuning;
        return new JsonObject
        {
            ["model"] = preset.Name,
            ["windows"] = windows,
            ["sequence_length"] = length,
            ["steps_per_epoch"] = Math.Max(1, windows / (defaults.BatchSize * defaults.MicroBatchCount)),
            ["operations_per_epoch"] = OperationsPerParameter * parameters * windows * length,
            ["memory_bytes"] = MemoryOf(
                preset.Shape, defaults, length, new TrainingScope(TrainableParameters.All)),
            ["memory_bytes_with_adapters"] = MemoryOf(
                preset.Shape, defaults, length, new TrainingScope(TrainableParameters.Lora, AdapterRank)),
            ["checkpoint_bytes"] = CheckpointBytesPerParameter * parameters,
        };
    }
}

using System.CommandLine;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Inspection;
using Gpt2Cluster.Client.Jobs;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Windows;
using Gpt2Cluster.Data.Inspection;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Client.Commands;

/// <summary>
/// <c>inspect DATASET</c>: what a dataset holds and what a run on it would cost, which needs no cluster; with a model
/// named, or a cluster, also how long a step would take there.
/// </summary>
internal sealed class InspectCommand : ClientCommand
{
    /// <summary>The model whose context cuts the corpus where no other is named.</summary>
    private const string StandardModel = "gpt2";

    private readonly DatasetArgument dataset = new(isOptional: true);
    private readonly TrainingOptions options = new();
    private readonly SourceChoices choices = new();

    /// <summary>Makes the command.</summary>
    public InspectCommand()
        : base("inspect", "Tells what a dataset holds and what a run on it would cost.", "inspect novel.txt --json")
    {
        Arguments.Add(dataset);
        foreach (var option in MixOptions.Concat(ForecastOptions).Concat(SplitOptions).Concat(choices.All))
            Options.Add(option);
    }

    /// <inheritdoc/>
    public override string Remarks =>
        "It looks for documents and passages that stand in the dataset more than once, and for what is trained on and"
        + " validated on both, as --val-split or --val-dataset would cut it." + Environment.NewLine
        + "With --model or --cluster it also measures the cluster's workers and the links between its silos, for some "
        + "seconds, and says how long a step would take with one silo, with two and so on up to all, which is the "
        + "fastest, and what would help if that is not all of them." + Environment.NewLine
        + "With --mix it says what each of several datasets holds, and how often a run of --steps goes through it."
        + Environment.NewLine
        + "Memory is for one silo's worker in bf16 at the model's context and the default batch, checkpoints included; "
        + "\"with adapters\" is --train lora:8. --model alone starts a local cluster to measure.";

    private Option[] MixOptions => [options.Mix, options.Steps];

    private Option[] SplitOptions => [options.ValDataset, options.ValSplit];

    private Option[] ForecastOptions =>
    [
        options.Model, options.BatchSize, options.MicroBatches, options.SequenceLength, options.Train, options.Device,
        options.Precision, options.Recompute, options.ThreadsPerWorker,
    ];

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var (arguments, output) = (context.Arguments, context.Output);
        await using var forecast = AsksForForecast(context) ? StepForecast.Check(context, options) : null;
        CheckSplit(arguments.GetValue(options.ValSplit));
        if (IsMix(context))
            return await RunMix(context, forecast, cancellation);

        string? rendered = null;
        var reading = choices.Read(context, text => rendered ??= text);
        if (forecast is not null)
            reading = reading with { TokenCount = forecast.KnownVocabulary?.Count ?? Gpt2Vocabulary.MostTokens };
        using var source = DatasetSource.Open(dataset.Read(context), reading, cancellation);
        using var other = arguments.GetValue(options.ValDataset) is { } path
            ? DatasetSource.Open(path, choices.Read(context) with { TokenCount = reading.TokenCount }, cancellation)
            : null;
        await Validate(output, source, cancellation);
        var vocabulary = forecast is null
            ? Gpt2Vocabulary.BuiltIn
            : await forecast.ReadVocabulary(cancellation);
        using var inspection = new CorpusInspection(tokenizer: new Gpt2Tokenizer(vocabulary));
        var facts = await Read(output, source, inspection.Read, cancellation);
        var validation = other is null ? null
            : await Read(output, other, inspection.ReadValidation, cancellation);

        var wanted = forecast?.SequenceLength ?? Presets.FindPublished(StandardModel)!.Shape.ContextLength;
        var length = (int)Math.Min(wanted, facts.Tokens.TokenCount - 1);
        var split = Split(context, length, facts, validation);
        RepeatReport? repeats = null;
        await ProgressBars.Run(output, "looking for repetitions", inspection.WorkTokens, progress => Task.Run(
            () => repeats = inspection.FindRepeats(split.TrainingTokenCount, progress, cancellation), cancellation));
        var corpus = new InspectedCorpus(source.Files.Count, source.Bytes, facts, length, split, repeats!);
        ModelCost[] models =
        [
            .. Presets.All.Select(preset => ModelCost.Of(
                preset, facts.Tokens.TokenCount, one => Split(context, one, facts, validation).TrainingTokenCount)),
        ];
        var tokens = new SourceTokens(source.Path, 1, new TokenCounts(facts.Tokens.Sha256, facts.Tokens.TokenCount));
        var cluster = forecast is null ? null
            : await forecast.Measure([tokens], validation?.Tokens.TokenCount, cancellation);
        Show(output, corpus, models, cluster, rendered);
        return ExitCodes.Done;
    }

    private static void Show(
        ClientOutput output, InspectedCorpus corpus, ModelCost[] models, JsonObject? cluster, string? rendered)
    {
        var advice = CorpusHints.Of(corpus, models, isMeasured: cluster is not null);
        var fields = CorpusFields.Of(corpus);
        fields["models"] = new JsonArray([.. models.Select(cost => cost.Fields())]);
        if (rendered is not null)
            fields["rendered"] = rendered + Gpt2Vocabulary.EndOfTextWord;
        fields["what_to_do"] = new JsonArray([.. advice.Select(sentence => JsonValue.Create(sentence))]);
        if (cluster is not null)
            fields["cluster"] = cluster;
        output.Json(fields);

        var tables = new CorpusTables(output);
        tables.Show(corpus, models);
        if (cluster is not null)
            tables.ShowCluster(cluster);
        output.Result("");
        if (rendered is not null)
            output.Result($"A record as it is trained on: {rendered}{Gpt2Vocabulary.EndOfTextWord}");
        foreach (var sentence in advice)
            output.Result(sentence);
    }

    private static void CheckSplit(double? share)
    {
        if (share is not (null or (>= 0 and < 1)))
        {
            throw new UsageException(
                FormattableString.Invariant($"--val-split must be 0 or more and below 1, not {share}."));
        }
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

    private async Task<int> RunMix(CommandContext context, StepForecast? forecast, CancellationToken cancellation)
    {
        if (context.Arguments.GetValue(options.ValDataset) is not null)
            throw new UsageException("inspect --mix takes no --val-dataset.");
        var report = new MixReport(context, options, choices, forecast);
        var (sources, fields) = await report.Read(dataset.ReadAll(context, options), cancellation);
        if (forecast is not null)
            fields["cluster"] = await forecast.Measure(sources, validationTokenCount: null, cancellation);
        SummaryTable.Show(context.Output, fields);
        return ExitCodes.Done;
    }

    private static Task Validate(ClientOutput output, DatasetSource source, CancellationToken cancellation) =>
        ProgressBars.RunLong(output, $"checking {source.Path}", source.Bytes, progress => Task.Run(
            () => source.Validate(progress, cancellation), cancellation));

    /// <summary>How a run would cut the corpus.</summary>
    private ValidationSplit Split(
        CommandContext context, int length, CorpusStatistics corpus, CorpusStatistics? validation) =>
        validation is null
            ? ValidationSplit.Of(corpus.Tokens.TokenCount, length, context.Arguments.GetValue(options.ValSplit))
            : new ValidationSplit(corpus.Tokens.TokenCount, validation.Tokens.TokenCount);

    private static async Task<CorpusStatistics> Read(
        ClientOutput output,
        DatasetSource source,
        Func<DatasetSource, IProgress<long>?, CancellationToken, CorpusStatistics> read,
        CancellationToken cancellation)
    {
        CorpusStatistics? facts = null;
        if (source.ContentSha256 is null)
            await Validate(output, source, cancellation);
        await ProgressBars.Run(output, $"reading {source.Path}", source.Bytes, progress => Task.Run(
            () => facts = read(source, progress, cancellation), cancellation));
        return facts!;
    }
}

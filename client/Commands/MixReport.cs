using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Client.Commands;

/// <summary>
/// <c>inspect --mix</c>: what each dataset of a mixture holds, and how often a run goes through it.
/// </summary>
/// <param name="context">The command.</param>
/// <param name="options">The options of a run; what is not typed has the defaults of <c>train</c>.</param>
/// <param name="choices">How files are read.</param>
/// <param name="forecast">Knows the vocabulary of the model that is named; null if none is.</param>
internal sealed class MixReport(
    CommandContext context, TrainingOptions options, SourceChoices choices, StepForecast? forecast)
{
    private readonly SpecificationBuilder builder = new(options, context.Arguments);

    /// <summary>Reads the datasets, one after the other.</summary>
    /// <param name="datasets">The mixture.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <returns>The tokens of each, and the fields that are printed.</returns>
    /// <exception cref="Core.UserErrorException">A dataset is bad.</exception>
    /// <exception cref="UsageException">The batch size is to be settled by memory.</exception>
    public async Task<(IReadOnlyList<SourceTokens> Sources, JsonObject Facts)> Read(
        IReadOnlyList<NamedDataset> datasets, CancellationToken cancellation)
    {
        if (builder.FitsBatch)
            throw new UsageException("inspect --mix takes a number for --batch-size, not auto.");
        var vocabulary = forecast is null
            ? Gpt2Vocabulary.BuiltIn
            : await forecast.ReadVocabulary(cancellation);
        var reading = choices.Read(context) with { TokenCount = vocabulary.Count };
        if (Models().LastOrDefault() is { } model && builder.Errors(model) is { Count: > 0 } errors)
            throw new UserErrorException(string.Join(Environment.NewLine, errors));
        var (sources, mix) = (new List<SourceTokens>(), new JsonArray());
        var sum = datasets.Sum(dataset => dataset.Weight);
        foreach (var dataset in datasets)
        {
            using var source = DatasetSource.Open(dataset.Path, reading, cancellation);
            var tokens = await Tokenize(source, vocabulary, cancellation);
            sources.Add(new SourceTokens(dataset.Path, dataset.Weight, new(tokens.Sha256, tokens.TokenCount)));
            mix.Add(new JsonObject
            {
                ["dataset"] = dataset.Path,
                ["share"] = (double)dataset.Weight / sum,
                ["files"] = source.Files.Count,
                ["bytes"] = source.Bytes,
                ["documents"] = tokens.DocumentCount,
                ["tokens"] = tokens.TokenCount,
                ["bytes_per_token"] = (double)source.Bytes / tokens.TokenCount,
                ["sha256_of_uint16_little_endian"] = tokens.Sha256,
            });
        }

        return (sources, new JsonObject
        {
            ["tokens"] = sources.Sum(source => source.Tokens.Count),
            ["mix"] = mix,
            ["models"] = new JsonArray([.. Models().Select(model => Passes(model, sources))]),
        });
    }

    private async Task<TokenizedDataset> Tokenize(
        DatasetSource source, Gpt2Vocabulary vocabulary, CancellationToken cancellation)
    {
        TokenizedDataset? tokens = null;
        await ProgressBars.Run(context.Output, $"reading {source.Path}", source.Bytes, progress => Task.Run(
            () =>
            {
                source.Validate(cancellation: cancellation);
                using var tokenizer = new DatasetTokenizer(
                    Stream.Null, tokenizer: new Gpt2Tokenizer(vocabulary));
                source.Read(tokenizer, progress, cancellation);
                tokens = tokenizer.Complete();
            },
            cancellation));
        return tokens!;
    }

    /// <summary>The model that is named, or every one that is known and takes windows as long as is asked.</summary>
    private IEnumerable<ModelReference> Models()
    {
        if (context.Arguments.GetResult(options.Model) is not null)
            return new ModelResolver(context).Preview(builder.Model) is { } named ? [named] : [];

        var least = context.Arguments.GetValue(options.SequenceLength) ?? 1;
        return Presets.All.Where(preset => preset.Shape.ContextLength >= least).Select(preset => new ModelReference(
            preset.Repository is null ? ModelReference.ScratchPrefix + preset.Name : preset.Name, preset.Shape));
    }

    /// <summary>A run's windows of each dataset, and the passes over them until its last step.</summary>
    private JsonObject Passes(ModelReference model, List<SourceTokens> sources)
    {
        var run = builder.Build(model, sources, validation: null, []);
        var epochs = run.WindowOrder().EpochsDone(run.Steps);
        var each = run.TrainingWindows().Select((windows, index) => new JsonObject
        {
            ["dataset"] = sources[index].Path,
            ["windows"] = windows.WindowCount,
            ["epochs"] = epochs[index],
        });
        return new JsonObject
        {
            ["model"] = model.Name,
            ["steps"] = run.Steps,
            ["windows_per_step"] = run.MicroBatchCount * run.BatchSize,
            ["sequence_length"] = run.SequenceLength,
            ["mix"] = new JsonArray([.. each]),
        };
    }
}

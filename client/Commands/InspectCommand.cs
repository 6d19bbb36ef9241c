using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Jobs;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Windows;
using Gpt2Cluster.Data.Datasets;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>inspect DATASET</c>: what a dataset holds and what a run on it would cost; needs no cluster.</summary>
internal sealed class InspectCommand : ClientCommand
{
    /// <summary>Operations of a token's forward and backward pass by parameter (Kaplan et al. 2020).</summary>
    private const double OperationsPerParameter = 6;

    /// <summary>Parameters, gradient and two moments, fp32.</summary>
    private const long TrainingBytesPerParameter = 16;

    /// <summary>Parameters and two moments, fp32.</summary>
    private const long CheckpointBytesPerParameter = 12;

    private readonly DatasetArgument dataset = new();

    /// <summary>Makes the command.</summary>
    public InspectCommand()
        : base("inspect", "Tells what a dataset holds and what a run on it would cost.", "inspect novel.txt --json") =>
        Arguments.Add(dataset);

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var source = DatasetSource.Open(dataset.Read(context));
        source.Validate(cancellation: cancellation);
        TokenizedDataset? tokens = null;
        await ProgressBars.Run(context.Output, $"reading {source.Path}", source.Bytes, progress => Task.Run(
            () =>
            {
                using var tokenizer = new DatasetTokenizer(Stream.Null);
                source.Read(tokenizer, progress, cancellation);
                tokens = tokenizer.Complete();
            },
            cancellation));
        Facts.Show(context.Output, new JsonObject
        {
            ["files"] = source.Files.Count,
            ["bytes"] = source.Bytes,
            ["documents"] = tokens!.DocumentCount,
            ["tokens"] = tokens.TokenCount,
            ["bytes_per_token"] = (double)source.Bytes / tokens.TokenCount,
            ["sha256_of_uint16_little_endian"] = tokens.Sha256,
            ["models"] = new JsonArray([.. Presets.All.Select(preset => Cost(preset, tokens.TokenCount))]),
        });
        return ExitCodes.Done;
    }

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
            ["memory_bytes"] = TrainingBytesPerParameter * parameters,
            ["checkpoint_bytes"] = CheckpointBytesPerParameter * parameters,
        };
    }
}

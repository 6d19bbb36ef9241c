using System.CommandLine;
using System.Text.Json.Nodes;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Jobs;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Client.Commands;

/// <summary>
/// <c>encode IN OUT.npz</c>: a tokenised dataset in the original tool's layout; needs no cluster, unless a model is
/// named that only a cluster has.
/// </summary>
internal sealed class EncodeCommand : ClientCommand
{
    private readonly Argument<string> input = new("IN") { Description = DatasetArgument.Forms };
    private readonly Argument<string> target = new("OUT.npz") { Description = "the file to write" };

    private readonly Option<long?> combine = Values.WholeNumber(
        "--combine", "characters a chunk has at least [default: 50000]");

    private readonly Option<bool> legacy = Values.Flag(
        "--legacy-endoftext",
        "does what the original does to <|endoftext|>: seven ordinary tokens, and after every file");

    private readonly Option<string?> model = Values.Text(
        "--model", "M", "the model whose vocabulary is used [default: GPT-2's]");

    private readonly SourceChoices choices = new();

    /// <summary>Makes the command.</summary>
    public EncodeCommand()
        : base("encode", "Tokenises a text into the original tool's .npz.", "encode novel.txt novel.npz")
    {
        Arguments.Add(input);
        Arguments.Add(target);
        Options.Add(combine);
        Options.Add(legacy);
        Options.Add(model);
        foreach (var option in choices.All)
            Options.Add(option);
    }

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var arguments = context.Arguments;
        var (from, file) = (arguments.GetRequiredValue(input), arguments.GetRequiredValue(target));
        if (from.Length == 0 || file.Length == 0)
            throw new UsageException("'encode' takes two names: what to read, and the .npz to write; one is empty.");
        var vocabulary = arguments.GetValue(model) is { } name
            ? await new ModelVocabularies(context).Find(name, cancellation)
            : Gpt2Vocabulary.BuiltIn;
        var reading = choices.Read(context) with { TokenCount = vocabulary.Count };
        using var source = DatasetSource.Open(from, reading, cancellation);
        var options = new DatasetOptions
        {
            CombineCharacters = arguments.Whole(combine, DatasetOptions.DefaultCombineCharacters, least: 1),
            LegacyEndOfText = arguments.GetValue(legacy),
        };
        source.Validate(cancellation: cancellation);
        TokenizedDataset? result = null;
        await ProgressBars.Run(context.Output, $"reading {source.Path}", source.Bytes, progress => Task.Run(
            () => result = NpzEncoder.Encode(source, file, options, vocabulary, progress, cancellation), cancellation));
        var written = NpzEncoder.PathOf(file);
        context.Output.Result(
            $"{Formats.Several(result!.TokenCount, "token")} of {Formats.Several(result.DocumentCount, "document")} "
            + $"in {written}");
        context.Output.Json(new JsonObject
        {
            ["tokens"] = result.TokenCount,
            ["documents"] = result.DocumentCount,
            ["sha256_of_uint16_little_endian"] = result.Sha256,
        });
        return ExitCodes.Done;
    }
}

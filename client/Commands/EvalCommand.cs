using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Jobs;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Client.Upload;
using Gpt2Cluster.Contracts.Jobs;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>eval --model M DATASET</c>: the mean loss of a model on a dataset, every target once.</summary>
internal sealed class EvalCommand : ClientCommand
{
    private readonly DatasetArgument dataset = new();
    private readonly SourceChoices choices = new();

    private readonly Option<string?> model = Values.Text(
        "--model", "M", "a name in the store, a directory, run:NAME or scratch:PRESET");

    private readonly Option<string?> precision = Values.Choice(
        "--precision", "[default: bf16 where the device is fast at it]", "bf16", "fp32");

    /// <summary>Makes the command.</summary>
    public EvalCommand()
        : base("eval", "Measures a model's loss and perplexity on a dataset.", "eval --model gpt2 novel.txt --json")
    {
        Arguments.Add(dataset);
        Options.Add(model);
        Options.Add(precision);
        foreach (var option in choices.All)
            Options.Add(option);
    }

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var name = context.Arguments.GetValue(model) ?? throw new UsageException("'eval' needs --model M.");
        _ = new ModelResolver(context).Preview(name);
        var options = choices.Read(context) with
        {
            TokenCount = new ModelVocabularies(context).Preview(name)?.Count ?? Gpt2Vocabulary.MostTokens,
        };
        using var source = DatasetSource.Open(dataset.Read(context), options, cancellation);
        var upload = await Uploads.Check(context.Output, source, cancellation);
        await using var session = await ClusterSession.Open(context, cancellation);
        var found = await new ModelResolver(context).Resolve(session, name, cancellation);
        var vocabulary = await ModelVocabularies.Of(session, found, cancellation);
        var stored = await new Uploads(session, context.Output).Dataset(upload, vocabulary, cancellation);
        var request = new JobRequest
        {
            Evaluate = new EvaluateRequest
            {
                Source = ModelNames.Source(found),
                DatasetHash = stored.Hash,
                Precision = context.Arguments.GetValue(precision),
            },
        };
        var worker = await JobCall.AnyWorker(session, cancellation);
        SummaryTable.Show(context.Output, await JobCall.Result(session, worker, request, cancellation));
        return ExitCodes.Done;
    }
}

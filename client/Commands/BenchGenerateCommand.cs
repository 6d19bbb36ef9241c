using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Jobs;
using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Contracts.Jobs;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>bench generate</c>: the speed of generation on one worker.</summary>
internal sealed class BenchGenerateCommand : ClientCommand
{
    /// <summary>The first token reads the prompt and is not counted.</summary>
    private const int FewestTokens = 2;

    private readonly Option<string?> model = Values.Text("--model", "M", "scratch:PRESET [default: scratch:gpt2]");
    private readonly Option<long?> length = Values.WholeNumber("--length", "tokens of a sample [default: 256]");
    private readonly Option<long?> count = Values.WholeNumber("--num", "samples at once [default: 1]");

    private readonly Option<string?> precision = Values.Choice(
        "--precision", "int8: on processors [default: bf16 where the device is fast at it]", "int8", "bf16", "fp32");

    /// <summary>Makes the command.</summary>
    public BenchGenerateCommand()
        : base("generate", "Times generation on one worker.", "bench generate --model scratch:gpt2 --length 256 --json")
    {
        Option[] options = [model, length, count, precision];
        foreach (var option in options)
            Options.Add(option);
    }

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var arguments = context.Arguments;
        var request = new JobRequest
        {
            BenchGenerate = new BenchGenerateRequest
            {
                Preset = Presets.Scratch(arguments.GetValue(model) ?? "scratch:gpt2").Name,
                Length = arguments.Whole(length, 256, FewestTokens),
                Count = arguments.Whole(count, 1, least: 1),
                Precision = arguments.GetValue(precision),
            },
        };
        await using var session = await ClusterSession.Open(context, cancellation);
        var worker = await JobCall.AnyWorker(
            session, cancellation, ServingWorkers.Generating(arguments.GetValue(precision)));
        SummaryTable.Show(context.Output, await JobCall.Result(session, worker, request, cancellation));
        return ExitCodes.Done;
    }
}

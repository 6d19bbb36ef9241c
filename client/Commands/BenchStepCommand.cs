using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Jobs;
using Gpt2Cluster.Contracts.Jobs;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>bench step</c>: the speed of training steps on one worker.</summary>
internal sealed class BenchStepCommand : ClientCommand
{
    private const int WarmUpSteps = 2;

    private readonly Option<string?> model = Values.Text("--model", "M", "scratch:PRESET [default: scratch:gpt2]");
    private readonly Option<long?> batch = Values.PositiveNumber("--batch-size", "windows of a step [default: 4]");

    private readonly Option<long?> length = Values.WholeNumber(
        "--sequence-length", "tokens of a window [default: 256]");

    private readonly Option<string?> precision = Values.Choice("--precision", "[default: bf16]", "bf16", "fp32");

    private readonly Option<long?> steps = Values.WholeNumber(
        "--steps", "steps; the first two are not counted [default: 8]");

    private readonly Option<long?> threads = Values.WholeNumber("--threads", "threads [default: all cores]");

    private readonly Option<TrainingScope?> train = Values.Train("what is trained [default: all]");
    private readonly Option<bool> recompute = Values.Flag("--recompute", "computes blocks again in the backward pass");

    /// <summary>Makes the command.</summary>
    public BenchStepCommand()
        : base("step", "Times training steps on one worker.", "bench step --model scratch:gpt2 --precision bf16 --json")
    {
        Option[] options = [model, batch, length, precision, steps, threads, train, recompute];
        foreach (var option in options)
            Options.Add(option);
    }

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var arguments = context.Arguments;
        var preset = Presets.Scratch(arguments.GetValue(model) ?? "scratch:gpt2");
        var request = new JobRequest
        {
            BenchStep = new BenchStepRequest
            {
                Preset = preset.Name,
                BatchSize = arguments.Whole(batch, 4, least: 1),
                SequenceLength = arguments.Whole(length, 256, least: 1),
                Precision = arguments.GetValue(precision) ?? "bf16",
                Steps = arguments.Whole(steps, 8, least: WarmUpSteps + 1),
                Threads = arguments.GetValue(threads) is null ? null : arguments.Whole(threads, 1, least: 1),
                Train = (arguments.GetValue(train) ?? new TrainingScope(TrainableParameters.All)).ToString(),
                Recompute = arguments.GetValue(recompute),
            },
        };
        if (request.BenchStep.SequenceLength > preset.Shape.ContextLength)
        {
            throw new Core.UserErrorException(
                $"--sequence-length {request.BenchStep.SequenceLength} is beyond the context of {preset.Name}, "
                + $"{preset.Shape.ContextLength} tokens.");
        }

        await using var session = await ClusterSession.Open(context, cancellation);
        var worker = await JobCall.AnyWorker(session, cancellation);
        SummaryTable.Show(context.Output, await JobCall.Result(session, worker, request, cancellation));
        return ExitCodes.Done;
    }
}

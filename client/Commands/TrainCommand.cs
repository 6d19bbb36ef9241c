using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Client.Watching;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>train DATASET</c>: submits the run, or resumes it, then watches it. Ctrl+C pauses it.</summary>
internal sealed class TrainCommand : ClientCommand
{
    private readonly DatasetArgument dataset = new(isOptional: true);
    private readonly TrainingOptions options = new();

    /// <summary>Makes the command.</summary>
    public TrainCommand()
        : base(
            "train",
            "Trains a model on a text and shows it; Ctrl+C pauses, the same command goes on.",
            "train deploy/quickstart/verses.txt --model scratch:tiny --silos 2")
    {
        Arguments.Add(dataset);
        foreach (var option in options.All)
            Options.Add(option);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> MoreExamples =>
    [
        "train novel.txt --run novel --train lora:8", "train --mix novel.txt=3,letters.txt=1 --run both",
    ];

    /// <inheritdoc/>
    public override string Remarks => PresetDefaults.Lines;

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var datasets = dataset.ReadAll(context, options);
        var preparation = await RunPreparation.Check(context, options, datasets, cancellation);
        await using var session = await ClusterSession.Open(context, cancellation);
        var submitted = await preparation.Submit(session, cancellation);
        var watch = new RunWatch(session, preparation.Run, context)
        {
            PausesOnInterrupt = true,
            Steps = submitted.Steps,
            EndsBefore = submitted.EventsBefore,
        };
        return await watch.Run(submitted.EventsBefore, cancellation);
    }
}

using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Jobs;
using Gpt2Cluster.Client.Watching;
using Gpt2Cluster.Client.Watching.Views;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>samples RUN</c>: the samples the coordinator keeps.</summary>
internal sealed class SamplesCommand : ClientCommand
{
    /// <summary>Samples a coordinator keeps at most.</summary>
    private const int MaximumKept = 1000;

    private readonly RunArgument run = new();
    private readonly Option<long?> last = Values.WholeNumber("--last", "the newest N samples only [default: all]");
    private readonly Option<bool> follow = Values.Flag("--follow", "goes on with new ones until the run stops");

    private readonly Option<string?> folder = Values.Text(
        "--out", "DIR", "writes files named samples-STEP into this folder, as the original tool does");

    /// <summary>Makes the command.</summary>
    public SamplesCommand()
        : base("samples", "Shows the samples of a run.", "samples run1 --last 3 --out samples/run1")
    {
        Arguments.Add(run);
        Options.Add(last);
        Options.Add(follow);
        Options.Add(folder);
    }

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var name = run.Read(context);
        var count = Math.Min(MaximumKept, context.Arguments.Whole(last, MaximumKept, least: 1));
        var files = context.Arguments.GetValue(folder) is { } path ? new SampleFiles(path) : null;
        await using var session = await ClusterSession.Open(context, cancellation);
        var description = await RunCalls.Describe(session, name, cancellation);
        var grain = session.Grains.Run(name);
        var shown = new HashSet<(long Step, int Index)>();
        foreach (var line in await session.Retries.Call(() => grain.Samples(count), cancellation))
            Show(context, line, files, shown);
        if (shown.Count == 0)
            context.Output.WriteMessage($"the run {name} has no samples yet");
        return context.Arguments.GetValue(follow)
            ? await Follow(context, session, description, line => Show(context, line, files, shown), cancellation)
            : ExitCodes.Done;
    }

    private static async Task<int> Follow(
        CommandContext context,
        ClusterSession session,
        RunDescription description,
        Action<string> show,
        CancellationToken cancellation)
    {
        if (description.Summary.Status.IsAtRest())
            return ExitCodes.Done;
        var events = new RunEvents(session, description.Summary.Name);
        await foreach (var line in events.After(description.LastSequence, cancellation))
        {
            if (!RunEventJson.TryRead(line.Json, out var runEvent))
                continue;
            if (runEvent is SampleEvent)
                show(line.Json);
            else if (runEvent is EndEvent end)
                return RunEnds.ExitCodeOf(end.Status, wasInterrupted: false);
        }

        return ExitCodes.Interrupted;
    }

    /// <summary>A sample may be in the list and among the events that follow it: it is shown once.</summary>
    private static void Show(
        CommandContext context, string line, SampleFiles? files, HashSet<(long Step, int Index)> shown)
    {
        if (!RunEventJson.TryRead(line, out var runEvent) || runEvent is not SampleEvent sample
            || !shown.Add((sample.Step, sample.Index)))
            return;
        context.Output.JsonLine(line);
        if (files is null)
            context.Output.Result(EventLines.Of(sample));
        else if (files.Write(sample) is { } written)
            context.Output.Result(written);
    }
}

using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Watching;

namespace Gpt2Cluster.Client.Commands;

/// <summary>
/// <c>watch RUN</c>: shows a run from its first event on, until it stops. Leaving does not touch the run.
/// </summary>
internal sealed class WatchCommand : ClientCommand
{
    private readonly RunArgument run = new();

    /// <summary>Makes the command.</summary>
    public WatchCommand()
        : base("watch", "Shows a run live; Ctrl+C leaves it running.", "watch run1") => Arguments.Add(run);

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var name = run.Read(context);
        await using var session = await ClusterSession.Open(context, cancellation);
        var description = await RunCalls.Describe(session, name, cancellation);
        var watch = new RunWatch(session, name, context)
        {
            PausesOnInterrupt = false,
            Steps = description.Summary.Steps,

            // A run that was resumed has its pause for the last event until something happens.
            EndsBefore = description.LastSequence - (description.Record.IsAtRest ? 1 : 0),
        };
        return await watch.Run(0, cancellation);
    }
}

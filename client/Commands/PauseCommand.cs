using Gpt2Cluster.Client.CommandLine;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>pause RUN</c>.</summary>
internal sealed class PauseCommand : ClientCommand
{
    private readonly RunArgument run = new();

    /// <summary>Makes the command.</summary>
    public PauseCommand()
        : base("pause", "Pauses a run at the next step boundary, with a checkpoint.", "pause run1") =>
        Arguments.Add(run);

    /// <inheritdoc/>
    public override Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var name = run.Read(context);
        return RunCalls.Ask(
            context, name, grain => grain.Pause(), ($"{name} pauses at the next step boundary", "pause"), cancellation);
    }
}

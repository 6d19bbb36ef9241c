using Gpt2Cluster.Client.CommandLine;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>resume RUN</c>.</summary>
internal sealed class ResumeCommand : ClientCommand
{
    private readonly RunArgument run = new();

    /// <summary>Makes the command.</summary>
    public ResumeCommand()
        : base("resume", "Goes on with a paused run.", "resume run1") => Arguments.Add(run);

    /// <inheritdoc/>
    public override Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var name = run.Read(context);
        return RunCalls.Ask(context, name, grain => grain.Resume(), ($"{name} goes on", "resume"), cancellation);
    }
}

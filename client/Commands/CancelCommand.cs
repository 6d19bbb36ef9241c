using Gpt2Cluster.Client.CommandLine;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>cancel RUN</c>.</summary>
internal sealed class CancelCommand : ClientCommand
{
    private readonly RunArgument run = new();

    /// <summary>Makes the command.</summary>
    public CancelCommand()
        : base("cancel", "Ends a run at the next step boundary, with a checkpoint.", "cancel run1") =>
        Arguments.Add(run);

    /// <inheritdoc/>
    public override Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var name = run.Read(context);
        return RunCalls.Ask(
            context, name, grain => grain.Cancel(), ($"{name} ends at the next step boundary", "cancel"), cancellation);
    }
}

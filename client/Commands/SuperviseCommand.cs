using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.LocalCluster;

namespace Gpt2Cluster.Client.Commands;

/// <summary>The process that keeps the silos of a local cluster; started by the client, not by people.</summary>
internal sealed class SuperviseCommand : ClientCommand
{
    private readonly Option<bool> detached = Values.Flag("--detached", "goes on when standard input ends");

    /// <summary>Makes the command.</summary>
    public SuperviseCommand()
        : base("supervise", "Keeps the silos of a local cluster; started by the client itself.", "supervise --silos 2")
    {
        Hidden = true;
        Options.Add(detached);
    }

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var outcome = await SupervisorProcess.Run(
            context.Choices.DataFolder,
            context.Choices.Silos ?? 1,
            ClusterAddress.DefaultClusterId,
            context.Arguments.GetValue(detached),
            context.Time,
            cancellation);
        return outcome switch
        {
            SupervisorOutcome.Done => ExitCodes.Done,
            SupervisorOutcome.BadInput => ExitCodes.BadInput,
            _ => ExitCodes.Failed,
        };
    }
}

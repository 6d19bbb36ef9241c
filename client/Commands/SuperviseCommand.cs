using System.CommandLine;
using System.Runtime.InteropServices;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.LocalCluster;
using Gpt2Cluster.Core.Threads;

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
        Native.LeaveTerminal();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal => signal.Cancel = true);
        var supervisor = new Supervisor(context.Choices.DataFolder, context.Choices.Silos ?? 1, context.Time);
        if (!context.Arguments.GetValue(detached))
            DedicatedThread.Start("parent watch", () => StopAtEndOfInput(supervisor, stop));

        return await supervisor.Run(Console.Out, stop.Token);
    }

    private static void StopAtEndOfInput(Supervisor supervisor, CancellationTokenSource stop)
    {
        using var input = Console.OpenStandardInput();
        Span<byte> ignored = stackalloc byte[64];
        while (input.Read(ignored) > 0)
        {
        }

        try
        {
            if (supervisor.EndsWithClient())
                stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The supervisor has ended already.
        }
    }
}

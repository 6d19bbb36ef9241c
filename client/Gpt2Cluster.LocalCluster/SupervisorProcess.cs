using System.Runtime.InteropServices;
using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.LocalCluster;

/// <summary>A process that is a supervisor and nothing else.</summary>
public static class SupervisorProcess
{
    /// <summary>
    /// Keeps the silos of a data folder until the process is told to stop, or the client that started it is gone.
    /// Standard output takes the one <see cref="SupervisorMessage"/>.
    /// </summary>
    /// <param name="folder">The data folder.</param>
    /// <param name="siloCount">Silos, 1 or more.</param>
    /// <param name="clusterId">The id of their cluster.</param>
    /// <param name="isDetached">Whether it goes on when standard input ends.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellation">Told to stop.</param>
    public static async Task<SupervisorOutcome> Run(
        DataFolder folder,
        int siloCount,
        string clusterId,
        bool isDetached,
        TimeProvider time,
        CancellationToken cancellation)
    {
        Native.LeaveTerminal();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal => signal.Cancel = true);
        var supervisor = new Supervisor(folder, siloCount, clusterId, time);
        if (!isDetached)
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

using System.Diagnostics;
using System.Globalization;
using Gpt2Cluster.Core.Retries;

namespace Gpt2Cluster.LocalCluster;

/// <summary>Finds the local cluster of a data folder, starts it, or ends it.</summary>
/// <param name="folder">The data folder.</param>
/// <param name="program">
/// The program that is a <see cref="SupervisorProcess"/> when it is told
/// <c>supervise --data FOLDER --silos COUNT [--detached]</c>.
/// </param>
/// <param name="messages">Where messages go.</param>
/// <param name="time">The clock.</param>
public sealed class LocalClusters(DataFolder folder, ProgramStart program, IMessageWriter messages, TimeProvider time)
{
    /// <summary>How long a silo that died may take until it is there again; then the supervisor gives it up.</summary>
    public static readonly TimeSpan SiloReadyBound = SiloSlot.ReadyBound;

    /// <summary>Another client that starts or stops the cluster is waited for this long.</summary>
    private static readonly TimeSpan OtherClientBound = TimeSpan.FromSeconds(120);

    /// <summary>Is there when the machine has a card of the kind that libtorch computes on.</summary>
    private const string FirstCard = "/dev/nvidia0";

    /// <summary>The supervisor needs <see cref="Supervisor.StopBound"/>, and some time to end.</summary>
    private static readonly TimeSpan EndBound = Supervisor.StopBound + TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Ends the cluster that runs now and waits until its supervisor is gone, though it may have begun to end by itself
    /// in the meantime; null if none runs. Throws a <see cref="LocalClusterException"/> if it does not end.
    /// </summary>
    public Func<CancellationToken, Task>? Ending =>
        Running() is { Supervisor: var supervisor } ? cancellation => End(supervisor, cancellation) : null;

    private ClusterRecord? Running() =>
        FolderLock.IsHeld(folder.SupervisorLock) && ClusterRecord.Read(folder) is { IsReady: true } record
            && record.Supervisor.IsAlive
            ? record
            : null;

    /// <summary>The cluster that runs, else one that is started now.</summary>
    /// <param name="siloCount">Silos wanted; null for those there are, or one.</param>
    /// <param name="isToStay">Whether the cluster outlives this client and the one that started it.</param>
    /// <param name="cancellation">Ends the wait; what was started is stopped.</param>
    /// <exception cref="LocalClusterException">It could not be started.</exception>
    public async Task<LocalClusterLease> Use(int? siloCount, bool isToStay, CancellationToken cancellation)
    {
        folder.Create();
        return await Polling.UntilDone(
            () => JoinOrStart(siloCount, isToStay, cancellation),
            lease => lease is not null,
            Pause,
            OtherClientBound,
            time,
            cancellation)
            ?? throw new LocalClusterException(
                LocalClusterFault.Busy,
                $"Another client has been starting or stopping the local cluster of '{folder.Root}' for "
                + $"{OtherClientBound.TotalSeconds:0} s; end it and try again.");
    }

    /// <summary>Null while another client starts or stops the cluster.</summary>
    private async Task<LocalClusterLease?> JoinOrStart(int? siloCount, bool isToStay, CancellationToken cancellation)
    {
        if (Running() is { } running && (!isToStay || Keep(running)))
            return Join(running, siloCount);
        using var start = FolderLock.TryTake(folder.StartLock);
        return start is not null && !FolderLock.IsHeld(folder.SupervisorLock)
            ? await Start(siloCount ?? 1, isToStay, cancellation)
            : null;
    }

    private async Task End(ProcessIdentity ending, CancellationToken cancellation)
    {
        Native.AskToEnd(ending);
        if (!await Polling.UntilTrue(() => !ending.IsAlive, Pause, EndBound, time, cancellation))
        {
            throw new LocalClusterException(
                LocalClusterFault.Failed,
                $"The local cluster's supervisor (process {ending.ProcessId}) did not end within "
                + $"{EndBound.TotalSeconds:0} s; its log is {folder.SupervisorLog}.");
        }
    }

    /// <summary>Asks the supervisor to go on when its own client ends; false if it is ending already.</summary>
    private bool Keep(ClusterRecord running)
    {
        // The supervisor removes the record before it looks for this file: one of the two sees the other.
        File.WriteAllBytes(folder.KeepFile, []);
        return Running()?.Supervisor == running.Supervisor;
    }

    private LocalClusterLease Join(ClusterRecord running, int? siloCount)
    {
        if (siloCount is { } wanted && wanted != running.Silos.Count)
        {
            messages.Warn(
                $"The local cluster runs with {running.Silos.Count} silo{(running.Silos.Count == 1 ? "" : "s")}, "
                + $"not {wanted}; end it with 'stop' to start it with {wanted}.");
        }

        messages.Detail($"using the local cluster of process {running.Supervisor.ProcessId}");
        return new LocalClusterLease(folder, running, null, time);
    }

    private async Task<LocalClusterLease> Start(int siloCount, bool isToStay, CancellationToken cancellation)
    {
        var silos = siloCount == 1 ? "1 silo" : $"{siloCount} silos";
        messages.WriteMessage($"starting {silos} on this machine ({folder.Root})");
        if (siloCount > 1 && File.Exists(FirstCard))
            messages.Warn("Several silos on one machine compute on its processor; --silos 1 computes on the GPU.");
        var supervisor = program.Start(Arguments(siloCount, isToStay), folder.Root);
        try
        {
            supervisor.ErrorDataReceived += (_, line) => messages.Detail(line.Data ?? "");
            supervisor.BeginErrorReadLine();
            var message = SupervisorMessage.Read(await supervisor.StandardOutput.ReadLineAsync(cancellation));
            if (message.Outcome == SupervisorOutcome.BadInput)
                throw new LocalClusterException(LocalClusterFault.BadInput, message.Message);
            if (message.Outcome != SupervisorOutcome.Done || ClusterRecord.Read(folder) is not { } record)
                throw new LocalClusterException(LocalClusterFault.Failed, message.Message);
            if (isToStay)
                supervisor.Dispose();
            return new LocalClusterLease(folder, record, isToStay ? null : supervisor, time);
        }
        catch
        {
            await End(supervisor);
            throw;
        }
    }

    /// <summary>A start that failed or was given up: the supervisor stops what it had started.</summary>
    private static async Task End(Process supervisor)
    {
        supervisor.StandardInput.Close();
        if (ProcessIdentity.Of(supervisor.Id) is { } alive)
            Native.AskToEnd(alive);
        try
        {
            await supervisor.WaitForExitAsync().WaitAsync(Supervisor.StopBound * 2);
        }
        catch (TimeoutException)
        {
            supervisor.Kill();
        }

        supervisor.Dispose();
    }

    private string[] Arguments(int siloCount, bool isToStay)
    {
        string[] arguments =
        [
            "supervise", "--data", folder.Root, "--silos", siloCount.ToString(CultureInfo.InvariantCulture),
        ];
        return isToStay ? [.. arguments, "--detached"] : arguments;
    }
}

using System.Diagnostics;
using System.Globalization;

namespace Gpt2Cluster.LocalCluster;

/// <summary>One silo of a local cluster: its process, and the next one when that dies, at the same ports.</summary>
/// <param name="plan">What the silo is told.</param>
/// <param name="log">What it says.</param>
/// <param name="time">The clock.</param>
internal sealed class SiloSlot(SiloPlan plan, LogFile log, TimeProvider time) : IDisposable
{
    /// <summary>A silo that is not ready after this long is given up.</summary>
    public static readonly TimeSpan ReadyBound = TimeSpan.FromSeconds(90);

    /// <summary>A silo that lived this long starts the count of its restarts anew.</summary>
    public static readonly TimeSpan LongLife = TimeSpan.FromSeconds(60);

    /// <summary>Restarts in a row before the seat stays empty.</summary>
    public const int MaximumRestarts = 10;

    /// <summary>What a silo ends with when its settings do not fit this machine.</summary>
    private const int BadInputExitCode = 2;

    private static readonly TimeSpan ReadyPoll = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan FirstBackOff = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestBackOff = TimeSpan.FromSeconds(5);

    private Process? process;
    private long startedAt;

    /// <summary>Raised when the process or the ports are others.</summary>
    public event Action? Changed;

    /// <summary>The seat as the record shows it.</summary>
    public SiloRecord Record => new() { Name = plan.Name, Process = Identity, Ports = Ports };

    /// <summary>Where the silo listens; null until it was ready once.</summary>
    public SiloPorts? Ports { get; private set; }

    private ProcessIdentity? Identity { get; set; }

    /// <summary>Starts the silo and waits until it is ready.</summary>
    /// <exception cref="LocalClusterException">It ended or took longer than <see cref="ReadyBound"/>.</exception>
    public async Task Start(CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        File.Delete(plan.ReadyFile);
        process?.Dispose();
        process = plan.Program.Start(plan.Arguments(Ports), plan.Folder.Root, SiloPlan.Environment);
        startedAt = time.GetTimestamp();
        Identity = ProcessIdentity.Of(process.Id);
        Changed?.Invoke();
        log.Follow(process);
        log.WriteLine($"supervisor: {plan.Name} is process {process.Id.ToString(CultureInfo.InvariantCulture)}");
        Ports = await Ready(process, stop);
        Changed?.Invoke();
    }

    /// <summary>Starts the silo again whenever it dies, with a growing wait, until told to stop.</summary>
    public async Task Keep(CancellationToken stop)
    {
        var restarts = 0;
        while (process is { } current)
        {
            await current.WaitForExitAsync(stop);
            restarts = time.GetElapsedTime(startedAt) > LongLife ? 1 : restarts + 1;
            log.WriteLine($"supervisor: {plan.Name} ended with exit code {current.ExitCode}");
            if (restarts > MaximumRestarts)
            {
                log.WriteLine($"supervisor: {plan.Name} died {MaximumRestarts} times in a row and is given up");
                return;
            }

            await Task.Delay(BackOff(restarts), time, stop);
            try
            {
                await Start(stop);
            }
            catch (LocalClusterException problem)
            {
                log.WriteLine($"supervisor: {problem.Message}");
                process?.Kill();
            }
        }
    }

    /// <summary>The wait before a restart: 0.1 s, twice as long each time, 5 s at most.</summary>
    public static TimeSpan BackOff(int restart)
    {
        var wait = FirstBackOff * Math.Pow(2, restart - 1);
        return wait < LongestBackOff ? wait : LongestBackOff;
    }

    /// <summary>Tells the silo to stop, by the end of its standard input; kills it when it takes too long.</summary>
    public async Task Stop(TimeSpan bound)
    {
        if (process is not { HasExited: false } running)
            return;
        running.StandardInput.Close();
        try
        {
            await running.WaitForExitAsync().WaitAsync(bound, time);
            log.WriteLine($"supervisor: {plan.Name} stopped");
        }
        catch (TimeoutException)
        {
            log.WriteLine($"supervisor: {plan.Name} did not stop within {bound.TotalSeconds:0.0} s and is killed");
            running.Kill(entireProcessTree: true);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        process?.Dispose();
        log.Dispose();
    }

    private async Task<SiloPorts> Ready(Process started, CancellationToken stop)
    {
        while (true)
        {
            if (SiloPorts.Read(plan.ReadyFile) is { } ports)
                return ports;
            if (started.HasExited)
                throw Ended(started);
            if (time.GetElapsedTime(startedAt) > ReadyBound)
            {
                throw new LocalClusterException(
                    LocalClusterFault.Failed,
                    $"The silo {plan.Name} was not ready within {ReadyBound.TotalSeconds:0} s; "
                    + $"its log is {plan.Folder.SiloLog(plan.Name)}.");
            }

            await Task.Delay(ReadyPoll, time, stop);
        }
    }

    private LocalClusterException Ended(Process started)
    {
        // The streams are read to their end by this call; the last line of the error stream is the reason.
        started.WaitForExit();
        var reason = log.LastError.Length > 0 ? log.LastError : $"it ended with exit code {started.ExitCode}.";
        return new LocalClusterException(
            started.ExitCode == BadInputExitCode ? LocalClusterFault.BadInput : LocalClusterFault.Failed,
            $"The silo {plan.Name} could not be started: {reason} Its log is {plan.Folder.SiloLog(plan.Name)}.");
    }
}

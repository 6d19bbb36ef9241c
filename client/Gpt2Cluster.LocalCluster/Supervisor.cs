using System.Globalization;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.LocalCluster;

/// <summary>
/// Starts the silos of a local cluster, starts one again that dies, and stops them all: when told to by a signal or,
/// unless a client has asked that they stay, when its standard input ends, because the client that started it is gone.
/// </summary>
/// <param name="folder">The data folder.</param>
/// <param name="siloCount">Silos.</param>
/// <param name="clusterId">The id of their cluster.</param>
/// <param name="time">The clock.</param>
internal sealed class Supervisor(DataFolder folder, int siloCount, string clusterId, TimeProvider time)
{
    /// <summary>All silos have ended this long after they were told to.</summary>
    public static readonly TimeSpan StopBound = TimeSpan.FromSeconds(10);

    /// <summary>The silos without the store must have ended by then, so that the store outlives them.</summary>
    private static readonly TimeSpan FirstStopBound = TimeSpan.FromSeconds(6);

    /// <summary>Silos of a supervisor that was killed see the end of their input and stop by themselves.</summary>
    private static readonly TimeSpan LeftoverBound = TimeSpan.FromSeconds(12);

    private static readonly TimeSpan LockBound = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    private readonly List<SiloSlot> seats = [];
    private readonly Lock gate = new();
    private bool isReady;
    private bool isEnding;

    /// <summary>Does it.</summary>
    /// <param name="answer">Takes the one <see cref="SupervisorMessage"/>, then is closed.</param>
    /// <param name="stop">Told to stop.</param>
    public async Task<SupervisorOutcome> Run(TextWriter answer, CancellationToken stop)
    {
        folder.Create();
        using var held = await TakeLock();
        if (held is null)
        {
            var reason = $"Another supervisor has the data folder '{folder.Root}'.";
            return WriteLine(answer, new(SupervisorOutcome.Failed, reason));
        }

        using var log = LogFile.Open(folder.SupervisorLog, time);
        try
        {
            await EndLeftovers(log);
            await StartAll(stop);
            log.WriteLine($"{siloCount.ToString(CultureInfo.InvariantCulture)} silos are ready");
            WriteLine(answer, SupervisorMessage.Ready);
            await Task.WhenAll(seats.Select(seat => seat.Keep(stop)));
            return SupervisorOutcome.Failed;
        }
        catch (OperationCanceledException)
        {
            return SupervisorOutcome.Done;
        }
        catch (Exception problem) when (problem is LocalClusterException or UserErrorException)
        {
            log.WriteLine(problem.Message);
            var isBadInput = problem is not LocalClusterException { Fault: LocalClusterFault.Failed };
            var outcome = isBadInput ? SupervisorOutcome.BadInput : SupervisorOutcome.Failed;
            return WriteLine(answer, new(outcome, problem.Message));
        }
        finally
        {
            await StopAll(log);
        }
    }

    /// <summary>
    /// The client that started this is gone: whether the silos end with it. They stay when a client has asked for that
    /// with <see cref="DataFolder.KeepFile"/>.
    /// </summary>
    public bool EndsWithClient()
    {
        // A client that asks now either sees that the record is gone, or is seen here.
        lock (gate)
        {
            isEnding = true;
            if (!isReady)
                return true;
            File.Delete(folder.ClusterFile);
        }

        if (!File.Exists(folder.KeepFile))
            return true;
        lock (gate)
            isEnding = false;
        WriteRecord();
        return false;
    }

    private static SupervisorOutcome WriteLine(TextWriter answer, SupervisorMessage message)
    {
        try
        {
            answer.WriteLine(message.ToString());
            answer.Close();
        }
        catch (IOException)
        {
            // The client is gone; the end of standard input says so too.
        }

        return message.Outcome;
    }

    private async Task<FolderLock?> TakeLock()
    {
        // Clients that look whether somebody has the lock hold a shared one for a moment.
        var began = time.GetTimestamp();
        while (true)
        {
            if (FolderLock.TryTake(folder.SupervisorLock) is { } taken)
                return taken;
            if (time.GetElapsedTime(began) > LockBound)
                return null;
            await Task.Delay(Poll, time);
        }
    }

    private async Task EndLeftovers(LogFile log)
    {
        var began = time.GetTimestamp();
        var leftovers = ClusterRecord.Read(folder)?.Silos.Select(silo => silo.Process).OfType<ProcessIdentity>() ?? [];
        foreach (var silo in leftovers.Where(silo => silo.IsAlive))
        {
            log.WriteLine($"process {silo.ProcessId} of an earlier supervisor is still there; waiting for its end");
            while (silo.IsAlive && time.GetElapsedTime(began) < LeftoverBound)
                await Task.Delay(Poll, time);
            silo.Kill();
        }

        File.Delete(folder.ClusterFile);
        File.Delete(folder.KeepFile);
    }

    private async Task StartAll(CancellationToken stop)
    {
        var first = Seat(1, store: null);
        await first.Start(stop);
        var others = Enumerable.Range(2, siloCount - 1).Select(number => Seat(number, first.Ports!.Redis)).ToList();
        await Task.WhenAll(others.Select(seat => seat.Start(stop)));
        isReady = true;
        WriteRecord();
    }

    private SiloSlot Seat(int number, string? store)
    {
        var name = $"silo{number.ToString(CultureInfo.InvariantCulture)}";
        var plan = new SiloPlan
        {
            Program = ProgramStart.Silo(),
            Folder = folder,
            Name = name,
            ClusterId = clusterId,
            Store = store,

            // Several silos of one machine would all take the same cards; alone, a silo takes what there is.
            Devices = siloCount == 1 ? "auto" : "cpu",
        };
        var seat = new SiloSlot(plan, LogFile.Open(folder.SiloLog(name), time), time);
        seat.Changed += WriteRecord;
        lock (gate)
            seats.Add(seat);
        return seat;
    }

    private void WriteRecord()
    {
        lock (gate)
        {
            if (isEnding)
                return;
            new ClusterRecord
            {
                ClusterId = clusterId,
                Supervisor = ProcessIdentity.Own,
                IsReady = isReady,
                Silos = [.. seats.Select(seat => seat.Record)],
            }.Write(folder);
        }
    }

    private async Task StopAll(LogFile log)
    {
        log.WriteLine("stopping");
        isReady = false;
        var began = time.GetTimestamp();
        File.Delete(folder.ClusterFile);
        File.Delete(folder.KeepFile);
        await Task.WhenAll(seats.Skip(1).Select(seat => seat.Stop(FirstStopBound)));
        await Task.WhenAll(seats.Take(1).Select(seat => seat.Stop(StopBound - time.GetElapsedTime(began))));
        foreach (var seat in seats)
            seat.Dispose();
        log.WriteLine("all silos have stopped");
    }
}

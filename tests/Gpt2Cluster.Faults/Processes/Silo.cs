using System.Diagnostics;
using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Faults.Processes;

/// <summary>
/// One silo and its supervisor: whenever its process ends it is started again with the same name, folder and ports,
/// unless it is to stay down.
/// </summary>
internal sealed class Silo : IDisposable
{
    private static readonly TimeSpan StopBound = TimeSpan.FromSeconds(20);

    private readonly SiloPlace place;
    private readonly Lock gate = new();
    private readonly List<int> ownEnds = [];
    private Process process;
    private Process? killed;
    private string store;
    private string[] ports = ["0", "0", "0"];
    private string http = "127.0.0.1:0";
    private bool staysDown;
    private bool isOver;

    private Silo(SiloPlace place)
    {
        this.place = place;
        store = place.Store;
        http = $"{place.Address}:0";
        process = StartProcess();
        Watch(process);
    }

    /// <summary>Its name.</summary>
    public string Name => place.Name;

    /// <summary>Its process of now, or the last one.</summary>
    public int ProcessId
    {
        get
        {
            lock (gate)
                return process.Id;
        }
    }

    /// <summary>Host and port for clients.</summary>
    public string Gateway => $"{place.Address}:{ports[1]}";

    /// <summary>Host and port of the store it uses or hosts.</summary>
    public string StoreAddress { get; private set; } = "";

    /// <summary>Its data folder.</summary>
    public string DataFolder => place.DataFolder;

    /// <summary>What it says in all its lives.</summary>
    public string LogFile => place.LogFile;

    /// <summary>Exit codes of processes that ended by themselves.</summary>
    public IReadOnlyList<int> OwnEnds
    {
        get
        {
            lock (gate)
                return [.. ownEnds];
        }
    }

    /// <summary>Starts a silo and does not wait for it.</summary>
    public static Silo Start(SiloPlace place)
    {
        Directory.CreateDirectory(place.DataFolder);
        return new Silo(place);
    }

    /// <summary>Waits until it serves.</summary>
    /// <exception cref="TimeoutException">It was not ready in time.</exception>
    public void WaitUntilReady()
    {
        var deadline = Deadline.In(Deadlines.Start);
        while (!File.Exists(place.ReadyFile))
        {
            if (deadline.IsOver)
                throw new TimeoutException($"Silo {Name} was not ready in time; its log is {LogFile}.");
            lock (gate)
                process.WaitForExit(50);
        }

        var ready = JsonDocument.Parse(File.ReadAllText(place.ReadyFile)).RootElement;
        ports = [.. new[] { "silo_port", "gateway_port", "stripe_port" }.Select(port => $"{ready.GetProperty(port)}")];
        http = ready.GetProperty("http").GetString()!;
        StoreAddress = ready.GetProperty("redis").GetString()!;
        if (store.StartsWith("embedded", StringComparison.Ordinal))
            store = $"embedded:{StoreAddress[(StoreAddress.LastIndexOf(':') + 1)..]}";
    }

    /// <summary>SIGKILL.</summary>
    /// <param name="restarts">Whether it is started again at once.</param>
    public void Kill(bool restarts)
    {
        lock (gate)
        {
            staysDown = !restarts;
            killed = process;
            Signals.Kill(process.Id);
        }
    }

    /// <summary>SIGKILL, and nobody starts it again.</summary>
    public void KillForGood()
    {
        lock (gate)
        {
            isOver = true;
            Signals.Kill(process.Id);
        }
    }

    /// <summary>Waits until the process that was killed is gone.</summary>
    public void AwaitEnd()
    {
        Process ending;
        lock (gate)
            ending = process;
        ending.WaitForExit(StopBound);
    }

    /// <summary>Starts it again if it is down and was to stay so.</summary>
    public void Restart()
    {
        lock (gate)
        {
            // Asking may raise the event of the end, on this very thread: it is to start nothing as well.
            var isDown = process.HasExited;
            staysDown = false;
            if (isDown && process.HasExited)
                StartAgain();
        }
    }

    /// <summary>SIGSTOP.</summary>
    public void Freeze() => Signals.Freeze(ProcessId);

    /// <summary>SIGCONT.</summary>
    public void Thaw() => Signals.Thaw(ProcessId);

    public void Dispose()
    {
        lock (gate)
        {
            isOver = true;
            Signals.Thaw(process.Id);
            if (!process.HasExited)
                process.StandardInput.Close();
        }

        if (!process.WaitForExit(StopBound))
            process.Kill();
        process.Dispose();
    }

    private Process StartProcess()
    {
        File.Delete(place.ReadyFile);
        string[] password = place.PasswordFile is { } file ? ["--redis-password-file", file] : [];
        return LoggedProcess.Start(
            place.LogFile,
            [new("GPT2CLUSTER_FAULT_POINTS", place.FaultSocket)],
            [
                .. place.Prefix, "dotnet", Repository.SiloDll, "--name", Name, "--redis", store, "--silo-port",
                ports[0], "--gateway-port", ports[1], "--stripe-port", ports[2], "--http", http, "--advertise",
                place.Address, "--devices", "cpu", "--data", DataFolder, "--ready-file", place.ReadyFile,
                "--parent-pipe", .. password,
            ]);
    }

    private void Watch(Process watched)
    {
        watched.EnableRaisingEvents = true;
        watched.Exited += (_, _) => Ended(watched);
    }

    private void Ended(Process ended)
    {
        lock (gate)
        {
            if (isOver || ended != process)
                return;

            // The runtime does not always learn how a process ended: of one that was killed it may say 0 for 137.
            if (ended != killed)
                ownEnds.Add(ended.ExitCode);
            if (!staysDown)
                StartAgain();
        }
    }

    private void StartAgain()
    {
        process = StartProcess();
        Watch(process);
    }
}

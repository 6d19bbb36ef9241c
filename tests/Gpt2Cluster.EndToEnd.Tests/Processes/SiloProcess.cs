using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Gpt2Cluster.EndToEnd.Tests.Processes;

/// <summary>A silo started by hand, on free ports; it stops when its standard input is closed.</summary>
internal sealed partial class SiloProcess : IDisposable
{
    private const int Terminate = 15;

    private static readonly TimeSpan ReadyDeadline = TimeSpan.FromSeconds(120);

    private readonly Process process;
    private readonly string log;
    private readonly string name;
    private readonly JsonElement ready;

    private SiloProcess(Process process, string name, string log, JsonElement ready)
    {
        this.process = process;
        this.name = name;
        this.log = log;
        this.ready = ready;
        Gateway = $"127.0.0.1:{ready.GetProperty("gateway_port").GetInt32()}";
        Http = ready.GetProperty("http").GetString()!;
        Store = ready.GetProperty("redis").GetString()!;
    }

    public string Gateway { get; }

    public string Http { get; }

    /// <summary>Host and port of the store it uses.</summary>
    public string Store { get; }

    public string Log => File.ReadAllText(log);

    /// <summary>Starts a silo and waits until it is ready.</summary>
    /// <param name="folder">Holds its data and its log.</param>
    /// <param name="name">Its name.</param>
    /// <param name="store">What <c>--redis</c> says: <c>embedded:0</c> or another silo's store.</param>
    /// <param name="more">More options.</param>
    public static SiloProcess Start(TestFolder folder, string name, string store, params string[] more) =>
        Start(folder, name, store, [], more);

    /// <summary>Starts a silo with variables of its environment.</summary>
    public static SiloProcess Start(
        TestFolder folder,
        string name,
        string store,
        IReadOnlyCollection<KeyValuePair<string, string>> environment,
        string[] more) => StartAt(folder, name, store, ["0", "0", "0"], environment, more);

    /// <summary>Its process.</summary>
    public int Id => process.Id;

    public bool IsAlive => !process.HasExited;

    /// <summary>SIGKILL, and at once another life under the same name, on the same ports.</summary>
    public SiloProcess KillAndStartAgain(TestFolder folder)
    {
        Kill();
        return StartAgain(folder);
    }

    /// <summary>SIGTERM.</summary>
    public void TellToStop() => Assert.Equal(0, Signal(process.Id, Terminate));

    /// <summary>Waits for the end of the process.</summary>
    /// <returns>Its exit code.</returns>
    public int WaitForExit()
    {
        if (!process.WaitForExit(ReadyDeadline))
            throw new TimeoutException($"The silo did not end. It said:\n{Log}");
        process.WaitForExit();
        return process.ExitCode;
    }

    /// <summary>Another life under the same name, on the same ports.</summary>
    /// <param name="folder">Holds its data and its log.</param>
    /// <param name="store">What <c>--redis</c> says now; null for the store of before, at its address.</param>
    public SiloProcess StartAgain(TestFolder folder, string? store = null) =>
        StartAt(folder, name, store ?? Store, [Port("silo_port"), Port("gateway_port"), Port("stripe_port")], [], []);

    private static SiloProcess StartAt(
        TestFolder folder,
        string name,
        string store,
        string[] ports,
        IReadOnlyCollection<KeyValuePair<string, string>> environment,
        string[] more)
    {
        string[] devices = more.Contains("--devices") ? [] : ["--devices", "cpu"];
        var ready = Path.Combine(folder.Path, $"{name}.ready.json");
        var log = Path.Combine(folder.Path, $"{name}.log");
        string[] arguments =
        [
            Repository.SiloDll, "--name", name, "--redis", store, "--silo-port", ports[0], "--gateway-port",
            ports[1], "--stripe-port", ports[2], "--http", "127.0.0.1:0", "--data",
            Path.Combine(folder.Path, name), "--ready-file", ready, "--parent-pipe",
            .. devices, .. more,
        ];
        File.Delete(ready);
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (variable, value) in environment)
            start.Environment[variable] = value;
        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Append(log, line.Data);
        process.ErrorDataReceived += (_, line) => Append(log, line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        WaitUntilReady(process, ready, log);
        return new SiloProcess(process, name, log, JsonDocument.Parse(File.ReadAllText(ready)).RootElement);
    }

    /// <summary>Runs a silo that is to end by itself.</summary>
    /// <returns>Its exit code and what it said on standard error.</returns>
    public static (int Code, string Errors) RunToEnd(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardError = true, RedirectStandardOutput = true };
        start.ArgumentList.Add(Repository.SiloDll);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(ReadyDeadline))
        {
            process.Kill();
            throw new TimeoutException($"The silo did not end. It said:\n{errors.Result}");
        }

        return (process.ExitCode, errors.Result);
    }

    /// <summary>What it tells Prometheus now; compressed on the way if it likes.</summary>
    public async Task<string> Metrics()
    {
        using var handler = new HttpClientHandler { AutomaticDecompression = DecompressionMethods.All };
        using var http = new HttpClient(handler);
        return await http.GetStringAsync(new Uri($"http://{Http}/metrics"));
    }

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        process.Kill();
        process.WaitForExit();
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.StandardInput.Close();
        if (!process.WaitForExit(TimeSpan.FromSeconds(20)))
            process.Kill();
        process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Signal(int process, int signal);

    private static void WaitUntilReady(Process process, string ready, string log)
    {
        var watch = Stopwatch.StartNew();
        while (!File.Exists(ready))
        {
            if (process.WaitForExit(50) || watch.Elapsed > ReadyDeadline)
            {
                var said = File.Exists(log) ? File.ReadAllText(log) : "nothing";
                throw new TimeoutException($"The silo was not ready within {ReadyDeadline}. It said:\n{said}");
            }
        }
    }

    private string Port(string property) => $"{ready.GetProperty(property).GetInt32()}";

    private static void Append(string log, string? line)
    {
        if (line is null)
            return;
        try
        {
            lock (log)
                File.AppendAllText(log, line + "\n");
        }
        catch (DirectoryNotFoundException)
        {
            // The test is over and its folder is gone; nobody reads this line any more.
        }
    }
}

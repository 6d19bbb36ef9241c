using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Gpt2Cluster.EndToEnd.Tests.Processes;

/// <summary>
/// A real client process with a data folder of its own; its lines of JSON are collected as they come.
/// </summary>
internal sealed partial class ClientProcess : IDisposable
{
    /// <summary>The command's own deadline in tests that name none: this machine may be busy.</summary>
    public static readonly TimeSpan DefaultDeadline = TimeSpan.FromSeconds(180);

    private const int Interrupt = 2;
    private const nint DefaultDisposition = 0;

    private readonly Process process;
    private readonly List<string> output = [];
    private readonly List<string> errors = [];
    private readonly Lock gate = new();

    /// <summary>
    /// What a shell starts in the background ignores Ctrl+C and hands that down; the clients here are to hear it.
    /// </summary>
    static ClientProcess() => Disposition(Interrupt, DefaultDisposition);

    private ClientProcess(Process process)
    {
        this.process = process;
        process.OutputDataReceived += (_, line) => Collect(output, line.Data);
        process.ErrorDataReceived += (_, line) => Collect(errors, line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => process.Id;

    public string Output
    {
        get
        {
            lock (gate)
                return string.Join('\n', output);
        }
    }

    public string Errors
    {
        get
        {
            lock (gate)
                return string.Join('\n', errors);
        }
    }

    /// <summary>Everything it has said, for messages.</summary>
    public string Said => $"{Output}\n--- standard error:\n{Errors}";

    /// <summary>Starts the client.</summary>
    public static ClientProcess Start(TestFolder folder, params string[] arguments) => Start(folder, [], arguments);

    /// <summary>
    /// Starts a client that watches a run, again while it gives up as nobody answers: with silos that train on all
    /// cores of a busy machine, that takes longer than the contract's 10 s.
    /// </summary>
    public static ClientProcess StartUntilConnected(TestFolder folder, params string[] arguments)
    {
        const int maximumTries = 10;
        const int unreachable = 3;
        for (var attempt = 1; ; attempt++)
        {
            var client = Start(folder, arguments);
            try
            {
                client.WaitFor("submitted", _ => true);
                return client;
            }
            catch (TimeoutException) when (attempt < maximumTries
                && client.process is { HasExited: true, ExitCode: unreachable })
            {
                client.Dispose();
            }
        }
    }

    /// <summary>Starts the client with variables of its environment.</summary>
    public static ClientProcess Start(
        TestFolder folder, IEnumerable<KeyValuePair<string, string>> environment, string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Repository.ClientDll);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment["GPT2CLUSTER_DATA"] = folder.Path;
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return new ClientProcess(new Process { StartInfo = start });
    }

    /// <summary>Starts the client on a terminal of its own.</summary>
    public static ClientProcess StartOnTerminal(TestFolder folder, int width, int height, params string[] arguments)
    {
        var words = string.Join(' ', arguments.Prepend(Repository.ClientDll).Select(word => $"'{word}'"));
        var start = new ProcessStartInfo("script") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var word in new[] { "-qec", $"stty cols {width} rows {height}; exec dotnet {words}", "/dev/null" })
            start.ArgumentList.Add(word);
        start.Environment["GPT2CLUSTER_DATA"] = folder.Path;
        start.Environment["TERM"] = "xterm-256color";
        return new ClientProcess(new Process { StartInfo = start });
    }

    /// <summary>Runs the client to its end.</summary>
    public static ClientProcess Run(TestFolder folder, params string[] arguments) => Run(folder, [], arguments);

    /// <summary>Runs the client with variables of its environment to its end.</summary>
    public static ClientProcess Run(
        TestFolder folder, IEnumerable<KeyValuePair<string, string>> environment, params string[] arguments)
    {
        var client = Start(folder, environment, arguments);
        client.WaitForExit(DefaultDeadline);
        return client;
    }

    /// <summary>The events of one kind so far.</summary>
    public IReadOnlyList<JsonElement> Events(string kind)
    {
        lock (gate)
        {
            return [.. output.Where(line => line.StartsWith('{'))
                .Select(line => JsonDocument.Parse(line).RootElement)
                .Where(line => line.TryGetProperty("event", out var name) && name.GetString() == kind)];
        }
    }

    /// <summary>Waits for the first event of a kind that fits.</summary>
    public JsonElement WaitFor(string kind, Func<JsonElement, bool> fits, TimeSpan? deadline = null)
    {
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < (deadline ?? DefaultDeadline))
        {
            foreach (var found in Events(kind).Where(fits))
                return found;
            if (process.HasExited && watch.Elapsed > TimeSpan.FromSeconds(1))
                break;
            process.WaitForExit(50);
        }

        throw new TimeoutException($"No '{kind}' event that fits. The client said:\n{Said}");
    }

    /// <summary>Waits for the end of the process.</summary>
    /// <returns>Its exit code.</returns>
    public int WaitForExit(TimeSpan? deadline = null)
    {
        if (!process.WaitForExit(deadline ?? DefaultDeadline))
            throw new TimeoutException($"The client did not end. It said:\n{Said}");
        process.WaitForExit();
        return process.ExitCode;
    }

    /// <summary>Ctrl+C.</summary>
    public void SendInterrupt() => Assert.Equal(0, Signal(process.Id, Interrupt));

    /// <summary>SIGKILL to this process alone.</summary>
    public void Kill() => process.Kill();

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint Disposition(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Signal(int process, int signal);

    private void Collect(List<string> lines, string? line)
    {
        if (line is null)
            return;
        lock (gate)
            lines.Add(line);
    }
}

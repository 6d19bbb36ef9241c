using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Gpt2Cluster.Silo.Hosting;

namespace Gpt2Cluster.Silo.Tests.Processes;

/// <summary>
/// A real silo. It holds our end of its standard input, so that it dies with this process whatever happens.
/// </summary>
internal sealed class SiloProcess : IDisposable
{
    private static readonly TimeSpan ReadyBound = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan PollPeriod = TimeSpan.FromMilliseconds(50);

    private readonly Process process;
    private readonly string readyFile;
    private readonly ConcurrentQueue<string> output = new();

    private SiloProcess(Process process, string readyFile)
    {
        this.process = process;
        this.readyFile = readyFile;
        process.OutputDataReceived += (_, line) => output.Enqueue(line.Data ?? "");
        process.ErrorDataReceived += (_, line) => output.Enqueue(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public JsonElement Ready { get; private set; }

    public string Name => Ready.GetProperty("name").GetString()!;

    public string Redis => Ready.GetProperty("redis").GetString()!;

    public int GatewayPort => Ready.GetProperty("gateway_port").GetInt32();

    public Uri Http => new($"http://{Ready.GetProperty("http").GetString()}/");

    public string Output => string.Join('\n', output);

    public static SiloProcess Start(string dataFolder, params string[] options) =>
        StartWith(Path.Combine(dataFolder, $"ready-{Guid.NewGuid():N}.json"), dataFolder, options);

    public static SiloProcess StartWith(string readyFile, string dataFolder, params string[] options)
    {
        string[] standard =
        [
            "--silo-port", "0", "--gateway-port", "0", "--stripe-port", "0", "--http", "127.0.0.1:0",
            "--data", dataFolder, "--parent-pipe", "--ready-file", readyFile, "--devices", "cpu",
        ];
        var start = new ProcessStartInfo(Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal)
            ? Environment.ProcessPath
            : "dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(typeof(SiloHost).Assembly.Location);
        foreach (var option in standard.Concat(options))
            start.ArgumentList.Add(option);
        return new SiloProcess(Process.Start(start)!, readyFile);
    }

    public static async Task<SiloProcess> StartReady(string dataFolder, params string[] options)
    {
        var silo = Start(dataFolder, options);
        try
        {
            await silo.UntilReady();
            return silo;
        }
        catch
        {
            silo.Dispose();
            throw;
        }
    }

    public async Task<int> UntilExit()
    {
        using var bound = new CancellationTokenSource(ReadyBound);
        await process.WaitForExitAsync(bound.Token);
        return process.ExitCode;
    }

    /// <summary>SIGTERM.</summary>
    public void TellToStop()
    {
        using var kill = Process.Start("kill", $"{process.Id}");
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }

    public void CloseInput() => process.StandardInput.Close();

    public void Kill()
    {
        process.Kill();
        process.WaitForExit();
    }

    public void Dispose()
    {
        if (!process.HasExited)
            Kill();
        process.Dispose();
    }

    public async Task UntilSaid(string text)
    {
        var watch = Stopwatch.StartNew();
        using var timer = new PeriodicTimer(PollPeriod);
        while (!Output.Contains(text, StringComparison.Ordinal) && await timer.WaitForNextTickAsync())
        {
            Assert.False(process.HasExited, $"the silo ended before it said '{text}':\n{Output}");
            Assert.True(watch.Elapsed < ReadyBound, $"the silo did not say '{text}' in {ReadyBound}:\n{Output}");
        }
    }

    public async Task UntilReady()
    {
        var watch = Stopwatch.StartNew();
        using var timer = new PeriodicTimer(PollPeriod);
        while (await timer.WaitForNextTickAsync())
        {
            if (File.Exists(readyFile))
            {
                Ready = JsonDocument.Parse(await File.ReadAllTextAsync(readyFile)).RootElement;
                return;
            }

            Assert.False(process.HasExited, $"the silo ended before it was ready:\n{Output}");
            Assert.True(watch.Elapsed < ReadyBound, $"the silo was not ready in {ReadyBound}:\n{Output}");
        }
    }
}

/// <summary>A folder that is removed with the test.</summary>
internal sealed class TestFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("gpt2cluster-silo-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

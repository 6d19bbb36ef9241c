using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Gpt2Cluster.Faults.Processes;

/// <summary>
/// A <c>redis-server</c> of our own, whose append-only file is on the disk before a write is answered.
/// </summary>
internal sealed class RedisServer : IDisposable
{
    private readonly string folder;
    private readonly string address;
    private readonly int port;
    private Process process;

    private RedisServer(string folder, string address, int port)
    {
        this.folder = folder;
        this.address = address;
        this.port = port;
        process = StartProcess();
    }

    /// <summary>Host and port.</summary>
    public string Address => $"{address}:{port}";

    /// <summary>Whether this machine has one.</summary>
    public static bool IsInstalled => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Any(folder => File.Exists(Path.Combine(folder, "redis-server")));

    /// <summary>Starts one on a free port; who needs it waits until it answers.</summary>
    public static RedisServer Start(string folder, string address)
    {
        Directory.CreateDirectory(folder);
        return new RedisServer(folder, address, FreePort());
    }

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        Signals.Kill(process.Id);
        process.WaitForExit();
    }

    /// <summary>Another life on the same file and port.</summary>
    public void Restart()
    {
        process.Dispose();
        process = StartProcess();
    }

    /// <summary>SIGSTOP.</summary>
    public void Freeze() => Signals.Freeze(process.Id);

    /// <summary>SIGCONT.</summary>
    public void Thaw() => Signals.Thaw(process.Id);

    public void Dispose()
    {
        Thaw();
        Kill();
        process.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private Process StartProcess() => LoggedProcess.Start(
        Path.Combine(folder, "redis.log"),
        [],
        [
            "redis-server", "--port", port.ToString(CultureInfo.InvariantCulture), "--bind", address, "--dir",
            folder, "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--protected-mode", "no",
        ]);
}

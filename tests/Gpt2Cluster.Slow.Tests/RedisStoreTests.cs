using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>The store is a Redis server with a password, and the client finds the cluster through it.</summary>
public sealed class RedisStoreTests
{
    private const int Steps = 30;
    private const string Server = "/usr/bin/redis-server";
    private const string Password = "sesame";

    [Fact]
    public void A_run_beside_redis_has_the_bits_of_any_other_and_outlives_all_silos()
    {
        Assert.SkipUnless(File.Exists(Server), "redis-server is not installed");
        using var calm = new TestFolder();
        using var undisturbed = ClientProcess.Start(calm, Command());
        var expected = Training.HashOf(undisturbed);

        using var folder = new TestFolder();
        var port = FreePort();
        using var redis = StartRedis(folder, port);
        try
        {
            var secret = Path.Combine(folder.Path, "password.txt");
            File.WriteAllText(secret, Password + "\n");
            string[] cluster = ["--cluster", $"redis://:{Password}@127.0.0.1:{port}/gpt2cluster"];
            using (var first = SiloProcess.Start(folder, "a", $":{Password}@127.0.0.1:{port}"))
            using (var second = SiloProcess.Start(folder, "b", $"127.0.0.1:{port}", "--redis-password-file", secret))
            {
                using var begun = ClientProcess.Start(folder, Command([.. cluster, "--workers", "2"]));
                begun.WaitFor("checkpoint", _ => true);
                first.Kill();
                second.Kill();
            }

            using var third = SiloProcess.Start(folder, "a", $":{Password}@127.0.0.1:{port}");
            using var fourth = SiloProcess.Start(folder, "b", $":{Password}@127.0.0.1:{port}");
            using var goesOn = ClientProcess.Start(folder, Command([.. cluster, "--workers", "2"]));
            Assert.Equal(expected, Training.HashOf(goesOn));
            using var refused = ClientProcess.Run(
                folder, "runs", "--cluster", $"redis://:wrong@127.0.0.1:{port}/gpt2cluster");
            Assert.Equal(3, refused.WaitForExit());
        }
        finally
        {
            redis.Kill();
        }
    }

    private static string[] Command(params string[] more)
    {
        var command = Training.Small(Steps, ["--micro-batches", "4", .. more]);
        command[Array.IndexOf(command, "--save-every") + 1] = "5";
        return command;
    }

    /// <summary>Starts it; silos wait until it answers.</summary>
    private static Process StartRedis(TestFolder folder, int port)
    {
        var start = new ProcessStartInfo(Server) { RedirectStandardOutput = true };
        string[] arguments =
        [
            "--port", port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--requirepass", Password,
            "--appendonly", "yes", "--save", "", "--dir", folder.Path,
        ];
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return process;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

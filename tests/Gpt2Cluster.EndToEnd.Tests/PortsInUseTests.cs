using System.Net;
using System.Net.Sockets;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests;

/// <summary>A silo that finds one of its ports taken says which, in one sentence, and changes nothing.</summary>
public sealed class PortsInUseTests
{
    [Theory]
    [InlineData("--silo-port", "{0}", "--silo-port")]
    [InlineData("--gateway-port", "{0}", "--gateway-port")]
    [InlineData("--stripe-port", "{0}", "--stripe-port")]
    [InlineData("--http", "127.0.0.1:{0}", "--http")]
    [InlineData("--redis", "embedded:{0}", "--redis embedded")]
    public void It_is_named(string option, string value, string name)
    {
        using var folder = new TestFolder();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var data = Path.Combine(folder.Path, "data");
        Dictionary<string, string> options = new()
        {
            ["--redis"] = "embedded:0",
            ["--silo-port"] = "0",
            ["--gateway-port"] = "0",
            ["--stripe-port"] = "0",
            ["--http"] = "127.0.0.1:0",
            ["--devices"] = "cpu",
            ["--data"] = data,
            [option] = value.Replace("{0}", $"{port}"),
        };

        var (code, errors) = SiloProcess.RunToEnd([.. options.SelectMany(pair => new[] { pair.Key, pair.Value })]);

        Assert.Equal(2, code);
        var lines = errors.TrimEnd('\n').Split('\n');
        Assert.Equal($"Port {port} ({name}) is in use; name another one, or 0 for any free port.", lines[0]);
        Assert.Equal(2, lines.Length);
        Assert.Contains("--help", lines[1], StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(data, "store")), "the store was opened");
    }
}

using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Gpt2Cluster.Data.Tests.Models.HuggingFace;

/// <summary>A hub on this machine that serves files, ranges and redirections, and can break a transfer off.</summary>
internal sealed class HubServer : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly Task serving;

    public HubServer()
    {
        listener.Start();
        serving = Serve();
    }

    public Dictionary<string, byte[]> Files { get; } = [];

    /// <summary>The value of X-Linked-Etag, by file name.</summary>
    public Dictionary<string, string> Checksums { get; } = [];

    /// <summary>After how many bytes each of the next answers breaks off.</summary>
    public ConcurrentQueue<int> Breaks { get; } = new();

    /// <summary>Request lines with their Range, in order.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Who may read; null for everybody.</summary>
    public string? Token { get; set; }

    /// <summary>Whether anybody said who one is.</summary>
    public bool HasSeenToken { get; private set; }

    /// <summary>Where redirections lead; null for this server.</summary>
    public Uri? Elsewhere { get; set; }

    /// <summary>Whether answers carry Content-MD5, as Azure's do.</summary>
    public bool Md5 { get; set; }

    /// <summary>Whether that is of something else.</summary>
    public bool WrongMd5 { get; set; }

    public string Tag { get; set; } = "\"v1\"";

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");

    public async ValueTask DisposeAsync()
    {
        if (serving.IsCompleted)
            return;
        await stop.CancelAsync();
        listener.Stop();
        await serving;
        stop.Dispose();
        listener.Dispose();
    }

    private async Task Serve()
    {
        try
        {
            while (!stop.IsCancellationRequested)
            {
                using var client = await listener.AcceptTcpClientAsync(stop.Token);
                await Answer(client);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException
            or InvalidOperationException)
        {
            // Stopped.
        }
    }

    private async Task Answer(TcpClient client)
    {
        await using var stream = client.GetStream();
        var headers = await ReadHeaders(stream);
        var path = headers[0].Split(' ')[1];
        var name = path[(path.LastIndexOf('/') + 1)..];
        var range = headers.FirstOrDefault(
            line => line.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase));
        var same = headers.Contains($"If-Range: {Tag}");
        var identity = headers.FirstOrDefault(
            line => line.StartsWith("Authorization: ", StringComparison.OrdinalIgnoreCase));
        HasSeenToken |= identity is not null;
        if (Token is not null && identity != $"Authorization: Bearer {Token}")
        {
            await Write(stream, "HTTP/1.1 401 Unauthorized\r\n", []);
            return;
        }

        if (!path.StartsWith("/stored/", StringComparison.Ordinal))
        {
            var checksum = Checksums.TryGetValue(name, out var sum) ? $"X-Linked-Etag: \"{sum}\"\r\n" : "";
            var next = $"{Elsewhere?.AbsoluteUri.TrimEnd('/')}/stored{path}";
            await Write(stream, $"HTTP/1.1 302 Found\r\nLocation: {next}\r\n{checksum}", []);
            return;
        }

        Requests.Enqueue($"{name} {range?["Range: bytes=".Length..]}".Trim());
        if (!Files.TryGetValue(name, out var content))
        {
            await Write(stream, "HTTP/1.1 404 Not Found\r\n", []);
            return;
        }

        var start = range is not null && same ? int.Parse(range["Range: bytes=".Length..].TrimEnd('-')) : 0;
        var status = start > 0
            ? $"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{content.Length - 1}/{content.Length}\r\n"
            : "HTTP/1.1 200 OK\r\n";
        var md5 = Md5 ? $"Content-MD5: {Convert.ToBase64String(HashOf(WrongMd5 ? [] : content))}\r\n" : "";
        await Write(stream, $"{status}ETag: {Tag}\r\n{md5}", content[start..]);
    }

    [SuppressMessage(
        "Security", "CA5351:Do Not Use Broken Cryptographic Algorithms", Justification = "Azure's stores give it.")]
    private static byte[] HashOf(byte[] content) => MD5.HashData(content);

    private async Task Write(NetworkStream stream, string head, byte[] body)
    {
        var sent = body.Length > 0 && Breaks.TryDequeue(out var bytes) ? Math.Min(bytes, body.Length) : body.Length;
        var headers = $"{head}Content-Length: {body.Length}\r\nConnection: close\r\n\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(headers));
        await stream.WriteAsync(body.AsMemory(0, sent));
    }

    private static async Task<List<string>> ReadHeaders(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII, false, 1, leaveOpen: true);
        var lines = new List<string>();
        while (await reader.ReadLineAsync() is { Length: > 0 } line)
            lines.Add(line);
        return lines;
    }
}

using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Gpt2Cluster.Silo.Ports;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>A hub on this machine that serves one model's folder, with ranges; it can break off once.</summary>
internal sealed class Hub : IAsyncDisposable
{
    public const string Weights = "model.safetensors";

    private const int PieceBytes = 1 << 20;

    private readonly HttpListener listener = new();
    private readonly string folder;
    private readonly string checksum;
    private readonly List<long> weightsRequests = [];
    private readonly Task serving;
    private readonly PortClaim claim = PortClaim.OfAnyFree(IPAddress.Loopback);
    private long? breakAfter;

    public Hub(string folder)
    {
        this.folder = folder;
        using (var file = File.OpenRead(Path.Combine(folder, Weights)))
        {
            WeightsBytes = file.Length;
            checksum = Convert.ToHexStringLower(SHA256.HashData(file));
        }

        listener.Prefixes.Add($"http://127.0.0.1:{claim.Port}/");
        listener.Start();
        serving = Serve();
    }

    public long WeightsBytes { get; }

    /// <summary>The first byte of each request for the weights.</summary>
    public IReadOnlyList<long> WeightsRequests => weightsRequests;

    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["GPT2CLUSTER_HUB"] = $"http://127.0.0.1:{claim.Port}/",
    };

    /// <summary>The next transfer of the weights ends there, as when a line is cut.</summary>
    public void BreakOffAfter(long bytes) => breakAfter = bytes;

    public async ValueTask DisposeAsync()
    {
        listener.Stop();
        await serving;
        listener.Close();
        claim.Dispose();
    }

    private async Task Serve()
    {
        while (listener.IsListening)
        {
            try
            {
                await Answer(await listener.GetContextAsync());
            }
            catch (Exception problem) when (problem is HttpListenerException or InvalidOperationException)
            {
                // The client has gone, or the test is over.
            }
        }
    }

    private async Task Answer(HttpListenerContext context)
    {
        var name = Path.GetFileName(context.Request.Url!.AbsolutePath);
        if (!File.Exists(Path.Combine(folder, name)))
        {
            context.Response.StatusCode = 404;
            context.Response.Close();
            return;
        }

        await using var file = File.OpenRead(Path.Combine(folder, name));
        var range = context.Request.Headers["Range"]?["bytes=".Length..].TrimEnd('-');
        file.Position = long.Parse(range ?? "0", CultureInfo.InvariantCulture);
        if (name == Weights)
        {
            weightsRequests.Add(file.Position);
            context.Response.Headers["X-Linked-Etag"] = $"\"{checksum}\"";
        }

        context.Response.Headers["ETag"] = "\"v1\"";
        if (range is not null)
        {
            context.Response.StatusCode = 206;
            context.Response.Headers["Content-Range"] = $"bytes {file.Position}-{file.Length - 1}/{file.Length}";
        }

        context.Response.ContentLength64 = file.Length - file.Position;
        var end = name == Weights ? breakAfter ?? file.Length : file.Length;
        var buffer = new byte[PieceBytes];
        while (file.Position < end)
        {
            var count = await file.ReadAsync(buffer.AsMemory(0, (int)Math.Min(PieceBytes, end - file.Position)));
            await context.Response.OutputStream.WriteAsync(buffer.AsMemory(0, count));
        }

        if (end == file.Length)
        {
            context.Response.Close();
            return;
        }

        breakAfter = null;
        context.Response.Abort();
    }
}

using System.Globalization;
using System.Net;
using Garnet;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Silo.Store;

/// <summary>
/// The store inside this process: Garnet, which speaks the Redis protocol. Its append-only file in <c>store/</c> is on
/// the disk before a write is answered, so that a silo that is killed loses nothing it was told is kept.
/// </summary>
/// <param name="dataFolder">The data folder.</param>
/// <param name="address">Where it listens.</param>
/// <param name="port">Its port.</param>
/// <param name="password">What a client must say; null for nothing.</param>
public sealed class EmbeddedStore(string dataFolder, IPAddress address, int port, string? password)
    : IHostedService, IDisposable
{
    private FileStream? ownership;
    private GarnetServer? server;

    /// <inheritdoc/>
    /// <exception cref="UserErrorException">Another process hosts a store in this data folder, or the port is
    /// taken.</exception>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        var folder = Path.Combine(dataFolder, "store");
        Directory.CreateDirectory(folder);
        ownership = Own(Path.Combine(folder, "owner"));
        try
        {
            server = new GarnetServer(Arguments(folder));
            server.Start();
        }
        catch (Exception problem) when (problem is not OutOfMemoryException)
        {
            throw new UserErrorException($"The store cannot start on port {port} in '{folder}': {problem.Message}");
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        server?.Dispose();
        server = null;
        ownership?.Dispose();
        ownership = null;
    }

    private static FileStream Own(string file)
    {
        try
        {
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new UserErrorException(
                $"Another silo hosts the store in '{Path.GetDirectoryName(file)}'; name it with --redis HOST:PORT, "
                + "or give this silo another --data folder.");
        }
    }

    private string[] Arguments(string folder)
    {
        // What does not fit into the memory moves to files of the storage tier; without one it would be forgotten. When
        // the append-only file exceeds its limit the store takes a snapshot, and a start reads only what came after.
        List<string> arguments =
        [
            "--port", port.ToString(CultureInfo.InvariantCulture), "--bind", address.ToString(), "-q",
            "--lua", "--memory", "64m", "--index", "1m",
            "--aof", "--aof-commit-freq", "0", "--aof-commit-wait", "--recover",
            "--aof-size-limit", "64m",
            "--storage-tier", "--logdir", folder, "--checkpointdir", folder, "--device-type", "RandomAccess",
        ];
        if (password is not null)
            arguments.AddRange("--auth", "Password", "--password", password);
        return [.. arguments];
    }
}

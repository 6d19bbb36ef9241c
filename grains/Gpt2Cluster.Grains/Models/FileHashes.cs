using System.Collections.Concurrent;
using System.Security.Cryptography;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Grains.Models;

/// <summary>
/// SHA-256 of files. Those of models are kept as long as their length and time of writing stay: every run that begins
/// asks for them.
/// </summary>
/// <param name="disk">Where they lie.</param>
public sealed class FileHashes(IDataDisk disk)
{
    private readonly ConcurrentDictionary<string, Known> models = new(StringComparer.Ordinal);

    /// <summary>The hash of a file, lower-case hexadecimal.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    public static async Task<string> Of(IDataDisk disk, string path)
    {
        ArgumentNullException.ThrowIfNull(disk);
        await using var file = disk.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file).ConfigureAwait(false));
    }

    /// <summary>The hash of a model's file, lower-case hexadecimal.</summary>
    public async Task<string> OfModel(string path)
    {
        var file = new FileInfo(path);
        var known = models.GetValueOrDefault(path);
        if (known is not null && known.LengthBytes == file.Length && known.WrittenAt == file.LastWriteTimeUtc)
            return known.Sha256;
        var hash = await Of(disk, path).ConfigureAwait(false);
        models[path] = new Known(file.Length, file.LastWriteTimeUtc, hash);
        return hash;
    }

    private sealed record Known(long LengthBytes, DateTime WrittenAt, string Sha256);
}

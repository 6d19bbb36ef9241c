using System.Collections.Concurrent;
using System.Security.Cryptography;
using Gpt2Cluster.Contracts.Datasets;

namespace Gpt2Cluster.Grains.Models;

/// <summary>
/// SHA-256 of files. Those of models are kept as long as their length and time of writing stay: every run that begins
/// asks for them.
/// </summary>
public sealed class FileHashes
{
    private readonly ConcurrentDictionary<string, Known> models = new(StringComparer.Ordinal);

    /// <summary>The hash of a file, lower-case hexadecimal.</summary>
    public static async Task<string> Of(string path)
    {
        await using var file = new FileStream(
            path, FileMode.Open, FileAccess.Read, FileShare.Read, Piece.MaximumBytes, FileOptions.Asynchronous);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file).ConfigureAwait(false));
    }

    /// <summary>The hash of a model's file, lower-case hexadecimal.</summary>
    public async Task<string> OfModel(string path)
    {
        var file = new FileInfo(path);
        var known = models.GetValueOrDefault(path);
        if (known is not null && known.LengthBytes == file.Length && known.WrittenAt == file.LastWriteTimeUtc)
            return known.Sha256;
        var hash = await Of(path).ConfigureAwait(false);
        models[path] = new Known(file.Length, file.LastWriteTimeUtc, hash);
        return hash;
    }

    private sealed record Known(long LengthBytes, DateTime WrittenAt, string Sha256);
}

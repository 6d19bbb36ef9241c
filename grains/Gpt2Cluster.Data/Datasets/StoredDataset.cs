using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Gpt2Cluster.Core;
using Microsoft.Win32.SafeHandles;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>A tokenised dataset on disk, open for reading. Reading is safe from several threads.</summary>
public sealed class StoredDataset : IDisposable
{
    private readonly SafeFileHandle[] shards;

    private StoredDataset(DatasetDescription description, string path, SafeFileHandle[] shards)
    {
        Description = description;
        Path = path;
        this.shards = shards;
    }

    /// <summary>What it is.</summary>
    public DatasetDescription Description { get; }

    /// <summary>Its folder.</summary>
    public string Path { get; }

    /// <summary>Copies tokens from the index <paramref name="start"/> on, across shards.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the dataset.</exception>
    /// <exception cref="InvalidDataException">A shard was cut short since it was opened.</exception>
    public void Read(long start, Span<ushort> into)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Description.TokenCount - into.Length);
        while (!into.IsEmpty)
        {
            var (shard, within, count) = PartAt(start, into.Length);
            ReadExactly(shard, (long)within * sizeof(ushort), MemoryMarshal.AsBytes(into[..count]));
            into = into[count..];
            start += count;
        }
    }

    /// <summary>As <see cref="Read"/>, without blocking the caller while the disk is slow.</summary>
    public async Task ReadAsync(long start, Memory<ushort> into)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Description.TokenCount - into.Length);
        var bytes = ArrayPool<byte>.Shared.Rent(into.Length * sizeof(ushort));
        try
        {
            while (!into.IsEmpty)
            {
                var (shard, within, count) = PartAt(start, into.Length);
                var part = bytes.AsMemory(0, count * sizeof(ushort));
                // The caller may be a grain: its turns are not for pieces of a read.
                await ReadExactlyAsync(shard, (long)within * sizeof(ushort), part).ConfigureAwait(false);
                part.Span.CopyTo(MemoryMarshal.AsBytes(into[..count].Span));
                into = into[count..];
                start += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var shard in shards)
            shard.Dispose();
    }

    /// <summary>Opens the shards and compares each with its hash.</summary>
    /// <exception cref="UserErrorException">A shard is missing or damaged; it is named.</exception>
    internal static StoredDataset Open(DatasetDescription description, string path)
    {
        var shards = new List<SafeFileHandle>();
        try
        {
            for (var shard = 0; shard < description.ShardSha256.Count; shard++)
                shards.Add(OpenShard(description, path, shard));
            return new StoredDataset(description, path, [.. shards]);
        }
        catch
        {
            shards.ForEach(shard => shard.Dispose());
            throw;
        }
    }

    private static SafeFileHandle OpenShard(DatasetDescription description, string path, int shard)
    {
        var file = System.IO.Path.Combine(path, DatasetDescription.FileOf(shard));
        if (!File.Exists(file))
            throw new UserErrorException($"The dataset lacks {file}; remove its folder and submit the text again.");
        using (var stream = File.OpenRead(file))
        {
            if (stream.Length != description.TokensOf(shard) * (long)sizeof(ushort)
                || Convert.ToHexStringLower(SHA256.HashData(stream)) != description.ShardSha256[shard])
                throw new UserErrorException($"{file} is damaged; remove its folder and submit the text again.");
        }

        return File.OpenHandle(file);
    }

    // What one shard has of the next tokens.
    private (int Shard, int Within, int Count) PartAt(long start, int wanted)
    {
        var shard = (int)(start / Description.ShardTokens);
        var within = (int)(start % Description.ShardTokens);
        return (shard, within, Math.Min(wanted, Description.TokensOf(shard) - within));
    }

    private void ReadExactly(int shard, long offset, Span<byte> into)
    {
        while (!into.IsEmpty)
        {
            var count = RandomAccess.Read(shards[shard], into, offset);
            if (count == 0)
                throw CutShort(shard);
            into = into[count..];
            offset += count;
        }
    }

    private async Task ReadExactlyAsync(int shard, long offset, Memory<byte> into)
    {
        while (!into.IsEmpty)
        {
            var count = await RandomAccess.ReadAsync(shards[shard], into, offset).ConfigureAwait(false);
            if (count == 0)
                throw CutShort(shard);
            into = into[count..];
            offset += count;
        }
    }

    private InvalidDataException CutShort(int shard) =>
        new($"{DatasetDescription.FileOf(shard)} of {Path} was cut short");
}

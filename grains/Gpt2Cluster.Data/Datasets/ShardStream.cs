using System.Security.Cryptography;
using Gpt2Cluster.Data.Storage;

namespace Gpt2Cluster.Data.Datasets;

/// <summary>
/// Takes a dataset's tokens as bytes and spreads them over shard files of equal size, each with its hash.
/// </summary>
internal sealed class ShardStream(string folder, int shardBytes) : WriteOnlyStream
{
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private FileStream? shard;

    /// <summary>SHA-256 of each finished shard, lower-case hexadecimal.</summary>
    public List<string> Hashes { get; } = [];

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            shard ??= File.Create(Path.Combine(folder, DatasetDescription.FileOf(Hashes.Count)));
            var piece = buffer[..(int)Math.Min(buffer.Length, shardBytes - shard.Position)];
            shard.Write(piece);
            hash.AppendData(piece);
            buffer = buffer[piece.Length..];
            if (shard.Position == shardBytes)
                EndShard();
        }
    }

    /// <summary>Ends the last shard.</summary>
    public void Complete()
    {
        if (shard is not null)
            EndShard();
    }

    public override void Flush() => shard?.Flush();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Discard();
            hash.Dispose();
        }

        base.Dispose(disposing);
    }

    // A shard that was not ended is of no use: whether the disk has room for the rest of it does not matter.
    private void Discard()
    {
        try
        {
            shard?.Dispose();
        }
        catch (IOException)
        {
            // Whoever wrote it was told, or has given it up.
        }
    }

    private void EndShard()
    {
        shard!.Dispose();
        shard = null;
        Hashes.Add(Convert.ToHexStringLower(hash.GetHashAndReset()));
    }
}

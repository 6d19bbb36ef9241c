using System.Security.Cryptography;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Grains.Tests.Checkpoints;
using Gpt2Cluster.Grains.Tests.Workers;

namespace Gpt2Cluster.Grains.Tests.Models;

/// <summary>A silo's store without a silo around it, which gives files.</summary>
internal sealed class DiskStore
{
    private readonly string folder;

    // Every other answer is that it is not done yet.
    private int hashCount;

    private DiskStore(string folder) => this.folder = folder;

    public static IModelStore Of(StoredRuns runs)
    {
        var store = new DiskStore(runs.Silo.DataFolder);
        return Proxy.Of<IModelStore>((method, arguments) => method.Name switch
        {
            nameof(IModelStore.Files) => Task.FromResult(store.Files((string)arguments[0]!)),
            nameof(IModelStore.Read) =>
                Task.FromResult(store.Read((string)arguments[0]!, (long)arguments[1]!, (int)arguments[2]!)),
            nameof(IModelStore.Hash) => Task.FromResult(store.Hash((string)arguments[0]!)),
            _ => throw new NotSupportedException(method.Name),
        });
    }

    private StoredFile[] Files(string relativeFolder)
    {
        var found = new DirectoryInfo(Path.Combine(folder, relativeFolder));
        return found.Exists
            ?
            [
                .. found.GetFiles().OrderBy(file => file.Name, StringComparer.Ordinal)
                    .Select(file => new StoredFile($"{relativeFolder}/{file.Name}", file.Length)),
            ]
            : [];
    }

    private byte[] Read(string relativePath, long start, int count)
    {
        var bytes = File.ReadAllBytes(Path.Combine(folder, relativePath)).AsSpan((int)start);
        return bytes[..Math.Min(bytes.Length, Math.Min(count, Piece.MaximumBytes))].ToArray();
    }

    private HashAnswer Hash(string relativePath) => new(
        IsDone: ++hashCount % 2 == 0,
        Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, relativePath)))));
}

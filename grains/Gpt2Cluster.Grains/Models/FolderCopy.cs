using System.Security.Cryptography;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Data.Storage;

namespace Gpt2Cluster.Grains.Models;

/// <summary>
/// Copies one stored folder from another silo's disk: in pieces, verified by hash, published by one rename.
/// </summary>
/// <param name="from">The other silo's store.</param>
public sealed class FolderCopy(IModelStore from)
{
    /// <summary>Pieces of one file asked for at the same time.</summary>
    private const int PiecesInFlight = 4;

    /// <summary>Copies the folder.</summary>
    /// <param name="relativeFolder">Its name in the store.</param>
    /// <param name="target">Where it appears.</param>
    /// <returns>False if the other silo does not have it.</returns>
    /// <exception cref="InvalidDataException">A file differs from what the other silo says it is.</exception>
    public async Task<bool> Run(string relativeFolder, string target)
    {
        var files = await from.Files(relativeFolder);
        if (files.Length == 0)
            return false;
        using var staged = new StagedFolder(target);
        foreach (var file in files)
            await CopyFile(file, staged.File(Path.GetFileName(file.RelativePath)));
        if (!Directory.Exists(target))
            staged.Publish();
        return true;
    }

    private async Task CopyFile(StoredFile file, string target)
    {
        var expected = from.Hash(file.RelativePath);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using (var output = new FileStream(target, FileMode.CreateNew, FileAccess.Write))
        {
            var pieces = new Queue<Task<byte[]>>();
            for (long start = 0; start < file.Length || pieces.Count > 0;)
            {
                for (; pieces.Count < PiecesInFlight && start < file.Length; start += Piece.MaximumBytes)
                    pieces.Enqueue(from.Read(file.RelativePath, start, Piece.MaximumBytes));
                var piece = await pieces.Dequeue();
                hash.AppendData(piece);
                await output.WriteAsync(piece);
            }
        }

        if (Convert.ToHexStringLower(hash.GetHashAndReset()) != await expected)
            throw new InvalidDataException($"{file.RelativePath} was damaged on its way from another silo.");
    }
}

using System.Security.Cryptography;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Models;

/// <summary>
/// Copies one stored folder from another silo's disk: in pieces, verified by hash, published by one rename.
/// </summary>
/// <param name="from">The other silo's store.</param>
/// <param name="disk">Where the copy appears.</param>
/// <param name="paths">
/// Where this silo keeps what a checkpoint needs besides itself: its run's vocabulary is copied with it.
/// </param>
public sealed class FolderCopy(IModelStore from, IDataDisk disk, StoredPaths paths)
{
    /// <summary>Pieces of one file asked for at the same time.</summary>
    private const int PiecesInFlight = 4;

    /// <summary>Copies the folder.</summary>
    /// <param name="relativeFolder">Its name in the store.</param>
    /// <param name="target">Where it appears.</param>
    /// <returns>False if the other silo does not have it.</returns>
    /// <exception cref="DamagedSourceException">The other silo's disk holds a checkpoint that is damaged.</exception>
    /// <exception cref="InvalidDataException">A file differs from what the other silo says it is.</exception>
    public async Task<bool> Run(string relativeFolder, string target)
    {
        var files = await from.Files(relativeFolder);
        if (files.Length == 0)
            return false;
        using var staged = disk.Stage(target);
        var hashes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            var name = Path.GetFileName(file.RelativePath);
            hashes.Add(name, await CopyFile(file, Path.Combine(staged.Path, name)));
        }

        var vocabulary = await disk.Run("verify a copy", () => Verify(staged.Path, hashes));
        if (vocabulary is not null)
            await BringVocabulary($"{VocabularyDirectory.FolderName}/{vocabulary}");

        // Flushing gigabytes takes its time.
        return await disk.Run("publish a copy", () =>
        {
            staged.Flush();
            if (!disk.Exists(target))
                staged.Publish();
            return true;
        });
    }

    /// <summary>What the other silo has not either is no reason to go without the checkpoint.</summary>
    private async Task BringVocabulary(string relativeFolder)
    {
        var target = paths.FolderOf(relativeFolder);
        if (!disk.Exists(target))
            await Run(relativeFolder, target);
    }

    /// <summary>A checkpoint says itself what its files must hash to: a bad one is not spread.</summary>
    /// <returns>The hash of the vocabulary that its run has of its own; null where it has none.</returns>
    private string? Verify(string staged, Dictionary<string, string> hashes)
    {
        if (!hashes.ContainsKey(CheckpointManifest.FileName))
            return null;
        var manifest = ReadManifest(staged);
        var bad = manifest.Files.FirstOrDefault(file => hashes.GetValueOrDefault(file.Name) != file.Sha256);
        if (bad is not null)
            throw new DamagedSourceException($"{bad.Name} does not have the manifest's hash where it was copied from.");
        return manifest.Record.Specification.Model.Vocabulary;
    }

    private CheckpointManifest ReadManifest(string staged)
    {
        try
        {
            return CheckpointManifest.Read(disk.ReadText(Path.Combine(staged, CheckpointManifest.FileName)));
        }
        catch (InvalidDataException problem)
        {
            throw new DamagedSourceException($"Where it was copied from, {problem.Message}");
        }
    }

    /// <summary>The other silo hashes the file while it is read; whoever gives up reading asks no more.</summary>
    private async Task<string> CopyFile(StoredFile file, string target)
    {
        using var end = new CancellationTokenSource();
        var expected = PendingOperations.Await(() => from.Hash(file.RelativePath), answer => answer.IsDone, end.Token);
        try
        {
            var found = await Read(file, target);
            return found == (await expected).Sha256
                ? found
                : throw new InvalidDataException($"{file.RelativePath} was damaged on its way from another silo.");
        }
        finally
        {
            await end.CancelAsync();
            expected.Ignore();
        }
    }

    private async Task<string> Read(StoredFile file, string target)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var output = disk.Create(target);
        var pieces = new Queue<Task<byte[]>>();
        for (long start = 0; start < file.Length || pieces.Count > 0;)
        {
            for (; pieces.Count < PiecesInFlight && start < file.Length; start += Piece.MaximumBytes)
                pieces.Enqueue(from.Read(file.RelativePath, start, Piece.MaximumBytes));
            var piece = await pieces.Dequeue();
            hash.AppendData(piece);
            await output.WriteAsync(piece);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}

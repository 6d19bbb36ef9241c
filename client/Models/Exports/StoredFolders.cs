using System.Security.Cryptography;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Storage;
using IModelStore = Gpt2Cluster.Contracts.Models.IModelStore;

namespace Gpt2Cluster.Client.Models.Exports;

/// <summary>
/// Folders of the store as folders of this machine: a local cluster's lie here already; of others the files that are
/// needed are copied beside the place that is written to, and removed with this.
/// </summary>
/// <param name="context">The command.</param>
/// <param name="session">The cluster; null when only the local store is meant.</param>
/// <param name="target">What will be written.</param>
internal sealed class StoredFolders(CommandContext context, ClusterSession? session, string target) : IDisposable
{
    private const int PiecesInFlight = 4;

    private StagedFolder? copies;

    /// <summary>Brings files of a stored folder here.</summary>
    /// <param name="relative">The folder's name in the store.</param>
    /// <param name="files">Those wanted; what is not there is left out.</param>
    /// <param name="fault">What is wrong with the folder, in words without a full stop; null if nothing is.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>The folder here; null if no silo has it.</returns>
    /// <exception cref="UserErrorException">It is there, and wrong wherever it is.</exception>
    public async Task<string?> Bring(
        string relative, IReadOnlyList<string> files, Func<string, string?> fault, CancellationToken cancellation)
    {
        if (context.Choices.Cluster is LocalAddress || session is null)
        {
            var here = Path.Combine(context.Choices.DataFolder.Root, relative);
            if (!Directory.Exists(here))
                return null;
            return fault(here) is { } wrong ? throw new UserErrorException($"{here} cannot be used: {wrong}.") : here;
        }

        string? met = null;
        foreach (var silo in await session.Silos(cancellation))
        {
            if (await Copy(silo.Name, relative, files, cancellation) is not { } copy)
                continue;
            if ((met = fault(copy)) is null)
                return copy;
            Directory.Delete(copy, recursive: true);
        }

        return met is null ? null : throw new UserErrorException($"{relative} of the store cannot be used: {met}.");
    }

    /// <inheritdoc/>
    public void Dispose() => copies?.Dispose();

    private async Task<string?> Copy(
        string silo, string relative, IReadOnlyList<string> files, CancellationToken cancellation)
    {
        var store = session!.Grains.Store(silo);
        var there = (await session.Patience.Call(() => store.Files(relative), cancellation))
            .Where(file => files.Contains(Path.GetFileName(file.RelativePath)))
            .ToList();
        if (there.Count == 0)
            return null;
        copies ??= new StagedFolder(target);
        var folder = Directory.CreateDirectory(copies.File(relative.Replace('/', '+'))).FullName;
        foreach (var file in there)
        {
            context.Output.WriteMessage($"fetching {file.RelativePath} from silo {silo}");
            var path = Path.Combine(folder, Path.GetFileName(file.RelativePath));
            var found = await Read(store, file.RelativePath, file.Length, path, cancellation);
            if (found != await Hash(store, file.RelativePath, cancellation))
                throw new ClientException(ExitCodes.Failed, $"{file.RelativePath} was damaged on its way; try again.");
        }

        return folder;
    }

    private async Task<string> Read(
        IModelStore store, string relative, long length, string path, CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var output = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
        var pieces = new Queue<Task<byte[]>>();
        for (long start = 0; start < length || pieces.Count > 0;)
        {
            for (; pieces.Count < PiecesInFlight && start < length; start += Piece.MaximumBytes)
            {
                var from = start;
                pieces.Enqueue(session!.Patience.Call(
                    () => store.Read(relative, from, Piece.MaximumBytes), cancellation));
            }

            var piece = await pieces.Dequeue();
            hash.AppendData(piece);
            await output.WriteAsync(piece, cancellation);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private async Task<string?> Hash(IModelStore store, string relative, CancellationToken cancellation)
    {
        while (true)
        {
            var answer = await session!.Patience.Call(() => store.Hash(relative), cancellation);
            if (answer.IsDone)
                return answer.Sha256;
        }
    }
}

using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Models;

/// <summary>The models on the disks of a cluster's silos.</summary>
internal static class StoredModels
{
    /// <summary>All of them by name, each once.</summary>
    public static async Task<IReadOnlyList<ModelInStore>> All(ClusterSession session, CancellationToken cancellation)
    {
        var silos = await session.Silos(cancellation);
        var lists = await Task.WhenAll(silos.Select(silo =>
            session.Retries.Call(session.Grains.Store(silo.Name).List, cancellation)));
        return
        [
            .. from model in lists.SelectMany(list => list)
               group model by model.Name into same
               orderby same.Key
               let first = same.First()
               select new ModelInStore(
                   first.Name,
                   first.Shape,
                   first.ParameterCount,
                   first.Bytes,
                    [.. same.Select(one => one.SiloName)],
                    first.License)
                {
                    BytesOnDisk = same.DistinctBy(one => FolderOf(one.SiloName)).Sum(one => one.Bytes),
                },
        ];

        string FolderOf(SiloName name) => silos.First(silo => silo.Name == name).DataFolderId;
    }

    /// <summary>SHA-256 of a stored file, which may have to be read for it; null if there is none.</summary>
    public static async Task<string?> Hash(
        ClusterSession session, IModelStore store, string path, CancellationToken cancellation)
    {
        var answer = await session.Retries.UntilDone(() => store.Hash(path), each => each.IsDone, cancellation);
        return answer.Sha256;
    }

    /// <summary>
    /// The name of a model of the store. A local cluster's store is this disk: it is not started for one that is not
    /// there.
    /// </summary>
    /// <param name="context">The command.</param>
    /// <param name="typed">The name, or an alias.</param>
    /// <exception cref="UserErrorException">The name cannot be one, or the model is not there.</exception>
    public static string NameOf(CommandContext context, string typed)
    {
        var name = Presets.Canonical(typed);
        var isThere = RunName.Error(name) is null && (context.Choices.Cluster is not LocalAddress
            || Directory.Exists(ModelTransfers.LocalStore(context.Choices.DataFolder).PathOf(name)));
        return isThere ? name : throw Missing(typed);
    }

    /// <summary>The sentence for a name that no model of the store has.</summary>
    public static UserErrorException Missing(string name) =>
        new($"There is no model '{name}' in the store; 'model list' shows those there are.");
}

/// <summary>A model in the store.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="ParameterCount">Parameters in all.</param>
/// <param name="Bytes">Bytes on one disk.</param>
/// <param name="Silos">The silos that have it.</param>
/// <param name="License">The licence it is under; null if nobody said.</param>
internal sealed record ModelInStore(
    string Name, ModelShape Shape, long ParameterCount, long Bytes, IReadOnlyList<SiloName> Silos, string? License)
{
    /// <summary>Bytes on all disks; silos that share a folder have one.</summary>
    public required long BytesOnDisk { get; init; }
}

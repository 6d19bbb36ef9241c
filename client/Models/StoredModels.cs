using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts.Models;

namespace Gpt2Cluster.Client.Models;

/// <summary>The models on the disks of a cluster's silos.</summary>
internal static class StoredModels
{
    /// <summary>All of them by name, each once.</summary>
    public static async Task<IReadOnlyList<ModelInStore>> All(ClusterSession session, CancellationToken cancellation)
    {
        var silos = await session.Silos(cancellation);
        var lists = await Task.WhenAll(silos.Select(silo =>
            session.Patience.Call(session.Grains.GetGrain<IModelStore>(silo.Name).List, cancellation)));
        return
        [
            .. from model in lists.SelectMany(list => list)
               group model by model.Name into same
               orderby same.Key
               let first = same.First()
               select new ModelInStore(
                   first.Name,
                   first.ShapeJson,
                   first.ParameterCount,
                   first.Bytes,
                   [.. same.Select(one => one.SiloName)],
                   first.License),
        ];
    }
}

/// <summary>A model in the store.</summary>
/// <param name="Name">Its name.</param>
/// <param name="ShapeJson">Its shape as JSON.</param>
/// <param name="ParameterCount">Parameters in all.</param>
/// <param name="Bytes">Bytes on one disk.</param>
/// <param name="Silos">The silos that have it.</param>
/// <param name="License">The licence it is under; null if nobody said.</param>
internal sealed record ModelInStore(
    string Name, string ShapeJson, long ParameterCount, long Bytes, IReadOnlyList<string> Silos, string? License);

using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Models.Exports;

/// <summary>Where checkpoints come from, from what lies beside them.</summary>
internal static class Origins
{
    /// <summary>A run's checkpoint.</summary>
    /// <param name="session">The cluster, whose silos know the datasets' names.</param>
    /// <param name="manifest">What the checkpoint says of itself.</param>
    /// <param name="start">What the run began with.</param>
    public static async Task<Origin> OfRun(ClusterSession session, CheckpointManifest manifest, Origin start)
    {
        var (record, specification) = (manifest.Record, manifest.Record.Specification);
        return new Origin
        {
            Name = ModelReference.RunPrefix + specification.Run,
            License = specification.License,
            Author = specification.Author,
            Run = specification.Run.ToString(),
            Step = manifest.Step,
            Seed = specification.Seed,
            Sha256 = manifest.StateHash,
            Loss = record.LastLoss,
            ValidationLoss = manifest.ValidationLoss,
            Settings = specification,
            Datasets = await Datasets(session, specification.Dataset),
            Software = Software.Name,
            Base = start,
        };
    }

    private static async Task<IReadOnlyList<DatasetOrigin>> Datasets(ClusterSession session, DatasetReference dataset)
    {
        var origins = new List<DatasetOrigin>();
        foreach (var sha256 in dataset.Sources().Select(source => source.Sha256).Distinct())
            origins.Add(new DatasetOrigin(sha256, await NameOf(session, sha256), "training"));
        if (dataset.ValidationSha256 is { } validation)
            origins.Add(new DatasetOrigin(validation, await NameOf(session, validation), "validation"));
        return origins;
    }

    /// <summary>What was named when a dataset was sent first; null where no silo has it.</summary>
    public static async Task<string?> PathOf(ClusterSession session, string sha256)
    {
        foreach (var silo in await session.Silos(CancellationToken.None))
        {
            var store = session.Grains.Store(silo.Name);
            if (await session.Retries.Call(() => store.Dataset(sha256), CancellationToken.None) is { } dataset)
                return dataset.Provenance;
        }

        return null;
    }

    private static async Task<string?> NameOf(ClusterSession session, string sha256) =>
        Path.GetFileName(await PathOf(session, sha256));
}

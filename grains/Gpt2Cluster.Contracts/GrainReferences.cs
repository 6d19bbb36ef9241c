using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Contracts.Jobs;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Contracts;

/// <summary>The grains by what they stand for; nobody else writes their keys.</summary>
public static class GrainReferences
{
    private const string TheOnlyOne = "cluster";

    /// <summary>The list of workers and runs.</summary>
    public static ICluster Cluster(this IGrainFactory grains) => Of<ICluster>(grains, TheOnlyOne);

    /// <summary>The coordinator of a run.</summary>
    public static ITrainingRun Run(this IGrainFactory grains, RunName name) =>
        Of<ITrainingRun>(grains, name.ToString());

    /// <summary>A worker.</summary>
    public static IWorker Worker(this IGrainFactory grains, WorkerId worker) =>
        Of<IWorker>(grains, worker.ToString());

    /// <summary>The averaging of a run on a silo.</summary>
    public static IReducer Reducer(this IGrainFactory grains, ReducerId reducer) =>
        Of<IReducer>(grains, reducer.ToString());

    /// <summary>What lies on a silo's disk.</summary>
    public static IModelStore Store(this IGrainFactory grains, SiloName silo) =>
        Of<IModelStore>(grains, silo.ToString());

    /// <summary>A dataset.</summary>
    public static IDataset Dataset(this IGrainFactory grains, string hash) => Of<IDataset>(grains, hash);

    /// <summary>A dataset's shard on a silo's disk.</summary>
    public static IDataShard Shard(this IGrainFactory grains, ShardId shard) =>
        Of<IDataShard>(grains, shard.ToString());

    /// <summary>A job.</summary>
    public static IJob Job(this IGrainFactory grains, JobId job) => Of<IJob>(grains, job.ToString());

    /// <summary>An upload to a silo.</summary>
    /// <param name="grains">The cluster's grains.</param>
    /// <param name="silo">The silo.</param>
    /// <param name="name">What tells the upload from others there.</param>
    public static IUpload Upload(this IGrainFactory grains, SiloName silo, string name) =>
        Of<IUpload>(grains, $"{silo}/{name}");

    private static TGrain Of<TGrain>(IGrainFactory grains, string key)
        where TGrain : IGrainWithStringKey
    {
        ArgumentNullException.ThrowIfNull(grains);
        return grains.GetGrain<TGrain>(key);
    }
}

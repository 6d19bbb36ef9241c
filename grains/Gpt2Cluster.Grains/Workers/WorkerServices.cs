using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Datasets;
using Gpt2Cluster.Grains.Metrics;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Grains.Reducers;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>What every worker of a silo shares.</summary>
public sealed record WorkerServices(
    IGrainFactory Grains,
    StoredDatasets Datasets,
    IReplicaFactory Replicas,
    RunExchanges Exchanges,
    ParameterLoader Parameters,
    CheckpointStore Checkpoints,
    CheckpointLoader CheckpointLoader,
    SiloContext Silo,
    WorkerMetrics Metrics,
    ISiloEnd End,
    TimeProvider Time);

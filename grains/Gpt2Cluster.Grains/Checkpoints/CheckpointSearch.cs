using System.Text.Json;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Placement;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>Asks the silos which checkpoints of a run lie on their disks. Used in the coordinator's turns.</summary>
internal sealed partial class CheckpointSearch(IGrainFactory grains, TimeProvider time, ILogger logger)
{
    /// <summary>A silo that has not answered by then is asked when the coordinator starts the next time.</summary>
    private static readonly TimeSpan AnswerBound = TimeSpan.FromSeconds(5);

    /// <summary>What lies on the disks of the silos that answer.</summary>
    public async Task<CheckpointsFound> Run(string run)
    {
        var cluster = await grains.GetGrain<ICluster>(GrainKeys.Cluster).Describe();
        var answers = await Task.WhenAll(cluster.Silos.Select(silo => Ask(silo.Name, run)));
        return new CheckpointsFound([.. answers.SelectMany(answer => answer).Select(ToFound)]);
    }

    private async Task<CheckpointOnDisk[]> Ask(string silo, string run)
    {
        try
        {
            return await grains.GetGrain<IModelStore>(silo).Checkpoints(run).WaitAsync(AnswerBound, time);
        }
        catch (Exception problem) when (Outage.Is(problem) || problem is IOException)
        {
            LogSilent(problem, silo, run);
            return [];
        }
    }

    private static FoundCheckpoint ToFound(CheckpointOnDisk found) => new(
        new CheckpointEntry(
            found.Checkpoint.Step,
            found.Checkpoint.StateHash,
            found.Checkpoint.SiloName!,
            found.Path,
            found.ValidationLoss,
            found.Checkpoint.DataFolderId),
        JsonSerializer.Deserialize<RunRecord>(found.RecordJson, SpecificationJson.Options)!);

    [LoggerMessage(411, LogLevel.Warning, "Silo {Silo} does not say which checkpoints of run {Run} lie on its disk.")]
    private partial void LogSilent(Exception exception, string silo, string run);
}

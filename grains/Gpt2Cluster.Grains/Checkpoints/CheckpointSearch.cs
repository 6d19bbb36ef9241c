using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>Asks the silos which checkpoints of a run lie on their disks. Used in the coordinator's turns.</summary>
internal sealed partial class CheckpointSearch(IGrainFactory grains, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan AnswerBound = TimeSpan.FromSeconds(5);

    // Each silo once in each of its lives; one that has not answered is asked again.
    private readonly HashSet<string> asked = new(StringComparer.Ordinal);

    /// <summary>What lies on the disks of those silos that were not asked yet and answer; null for nothing.</summary>
    /// <param name="run">The run's name.</param>
    /// <param name="silos">The silos of the cluster.</param>
    public async Task<CheckpointsFound?> Run(RunName run, IEnumerable<SiloDescription> silos)
    {
        var news = silos.Where(silo => asked.Add(silo.Incarnation));
        var answers = await Task.WhenAll(news.Select(silo => Ask(silo, run)));
        FoundCheckpoint[] found = [.. answers.SelectMany(answer => answer)];
        return found.Length == 0 ? null : new CheckpointsFound(found);
    }

    private async Task<FoundCheckpoint[]> Ask(SiloDescription silo, RunName run)
    {
        try
        {
            return await grains.Store(silo.Name).Checkpoints(run).WaitAsync(AnswerBound, time);
        }
        catch (Exception problem) when (TransientErrors.Is(problem)
            || problem is IOException or UnauthorizedAccessException)
        {
            LogSilent(problem, silo.Name, run);
            asked.Remove(silo.Incarnation);
            return [];
        }
    }

    [LoggerMessage(411, LogLevel.Warning, "Silo {Silo} does not say which checkpoints of run {Run} lie on its disk.")]
    private partial void LogSilent(Exception exception, SiloName silo, RunName run);
}

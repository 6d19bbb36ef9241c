using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Housekeeping;
using Gpt2Cluster.Grains.Housekeeping;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Silo.Membership;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>
/// Looks again and again for what nobody names any more on this silo's disk: first when the silo has come to the
/// cluster, as runs may have been deleted while it was away. Without an answer of the cluster nothing is removed.
/// </summary>
public sealed partial class Housekeeping(
    DiskKeeper keeper, SiloContext silo, SiloState state, TimeProvider time, ILogger<Housekeeping> logger)
    : BackgroundService
{
    /// <summary>
    /// Between two looks. Each says of the datasets that runs need that they are of use, so it is well below
    /// <see cref="Unused.RequestedAge"/>.
    /// </summary>
    public static readonly TimeSpan Period = TimeSpan.FromMinutes(10);

    /// <summary>Until the next attempt while the silo or the cluster is not ready.</summary>
    private static readonly TimeSpan RetryPeriod = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            var isDone = state.IsReady && await Look();
            await Task.Delay(isDone ? Period : RetryPeriod, time, stoppingToken);
        }
    }

    private async Task<bool> Look()
    {
        try
        {
            await keeper.Prune(silo.UnusedAge ?? TimeSpan.MaxValue, isDryRun: false);
            return true;
        }
        catch (Exception problem)
        {
            // Whatever it is, it is no reason to end what trains here.
            var isTransient = TransientErrors.Is(problem);
            LogNotLooked(isTransient ? LogLevel.Debug : LogLevel.Warning, problem, problem.Message);
            return !isTransient;
        }
    }

    [LoggerMessage("Nothing was removed from the disk: {Reason}")]
    private partial void LogNotLooked(LogLevel level, Exception problem, string reason);
}

using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Retries;
using Microsoft.Extensions.Logging;
using Orleans.Storage;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>
/// How a coordinator repeats what the store did not take: it may be busy, or its silo may be coming back. Whether an
/// attempt that failed was stored nevertheless is not known; what is attempted has to find out. A conflict is an answer
/// and final.
/// </summary>
internal static partial class StoreWrites
{
    /// <summary>After this long without an answer the coordinator gives up; another one is activated.</summary>
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    /// <summary>Between two attempts, so there are at most thirty.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>The policy of one coordinator.</summary>
    /// <param name="run">The run's name.</param>
    /// <param name="isOver">Whether the coordinator has stopped acting: nothing is repeated any more.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Told of every attempt that is followed by another.</param>
    public static RetryPolicy Policy(RunName run, Func<bool> isOver, TimeProvider time, ILogger logger) => new(
        new()
        {
            Operation = "store-write",
            IsTransient = problem => problem is not InconsistentStateException && !isOver(),
            Bound = Bound,
            Pause = Pause,
            OnRetry = failed => LogRepeated(logger, run, failed.Pause, failed.Problem.Message),
        },
        time);

    [LoggerMessage(321, LogLevel.Warning, "The store did not take what run {Run} wrote; again in {Gap}. {Reason}")]
    private static partial void LogRepeated(ILogger logger, RunName run, TimeSpan gap, string reason);
}

using Gpt2Cluster.Core.Names;
using Microsoft.Extensions.Logging;
using Orleans.Storage;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>
/// Repeats what the store did not answer: it may be busy, or its silo may be coming back. Whether an attempt that
/// failed was stored nevertheless is not known; what is attempted has to find out. A conflict is an answer and final.
/// </summary>
internal sealed partial class StorePatience(RunName run, TimeProvider time, ILogger logger)
{
    /// <summary>After this long without an answer the coordinator gives up; another one is activated.</summary>
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    /// <summary>Between two attempts, so there are at most thirty.</summary>
    public static readonly TimeSpan Gap = TimeSpan.FromSeconds(1);

    /// <summary>Whether the coordinator has stopped acting: nothing is repeated any more.</summary>
    public bool IsOver { get; set; }

    /// <summary>Attempts until one succeeds.</summary>
    /// <param name="attempt">Is told whether an attempt before it failed.</param>
    public async Task Do(Func<bool, Task> attempt)
    {
        var began = time.GetTimestamp();
        for (var isRepeat = false; ; isRepeat = true)
        {
            try
            {
                await attempt(isRepeat);
                return;
            }
            catch (Exception problem) when (problem is not InconsistentStateException && MayRepeat(began))
            {
                LogRepeated(run, Gap, problem.Message);
            }

            await Task.Delay(Gap, time);
        }
    }

    private bool MayRepeat(long began) => !IsOver && time.GetElapsedTime(began) < Bound;

    [LoggerMessage(321, LogLevel.Warning, "The store did not take what run {Run} wrote; again in {Gap}. {Reason}")]
    private partial void LogRepeated(RunName run, TimeSpan gap, string reason);
}

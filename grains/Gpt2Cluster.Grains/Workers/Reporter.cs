using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Runs;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// Brings a worker's reports to the coordinator, again if it does not answer, in the order they were made.
/// </summary>
internal sealed partial class Reporter(
    IGrainFactory grains, string run, string worker, TimeProvider time, ILogger logger)
{
    /// <summary>Together with the delays this covers a coordinator that has to be activated elsewhere.</summary>
    private const int MaximumTries = 64;

    /// <summary>The delay doubles up to the longest: a coordinator that died is mostly back in a second.</summary>
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private Task last = Task.CompletedTask;

    /// <summary>Puts a report behind the others and returns at once.</summary>
    public void Send(CoordinatorInput report)
    {
        lock (gate)
            last = SendAfter(last, report);
    }

    private async Task SendAfter(Task previous, CoordinatorInput report)
    {
        await previous.ConfigureAwait(false);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await grains.Run(run).Report(report).ConfigureAwait(false);
                return;
            }
            catch (Exception exception) when (attempt < MaximumTries)
            {
                var delay = DelayAfter(attempt);
                LogRepeated(exception, worker, run, delay);
                await Task.Delay(delay, time).ConfigureAwait(false);
            }
            catch (Exception exception)
            {
                LogGivenUp(exception, worker, run, MaximumTries);
                return;
            }
        }
    }

    private static TimeSpan DelayAfter(int attempt)
    {
        var delay = FirstDelay * (1 << Math.Min(attempt - 1, 16));
        return delay < LongestDelay ? delay : LongestDelay;
    }

    [LoggerMessage(221, LogLevel.Warning, "Worker {Worker} could not report to run {Run}; again in {Delay}.")]
    private partial void LogRepeated(Exception exception, string worker, string run, TimeSpan delay);

    [LoggerMessage(222, LogLevel.Error, "Worker {Worker} gave up a report to run {Run} after {Tries} tries.")]
    private partial void LogGivenUp(Exception exception, string worker, string run, int tries);
}

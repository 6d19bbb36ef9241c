using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Retries;
using Gpt2Cluster.Core.Runs;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// Brings a worker's reports to the coordinator, again if it does not answer, in the order they were made.
/// </summary>
internal sealed partial class Reporter
{
    /// <summary>Together with the pauses this covers a coordinator that has to be activated elsewhere.</summary>
    private const int MaximumAttempts = 64;

    private readonly IGrainFactory grains;
    private readonly RunName run;
    private readonly WorkerId worker;
    private readonly ILogger logger;
    private readonly RetryPolicy policy;
    private readonly Lock gate = new();
    private Task last = Task.CompletedTask;

    /// <summary>Makes the reporter of one worker.</summary>
    public Reporter(IGrainFactory grains, RunName run, WorkerId worker, TimeProvider time, ILogger logger)
    {
        (this.grains, this.run, this.worker, this.logger) = (grains, run, worker, logger);
        policy = new RetryPolicy(
            new()
            {
                Operation = "report",
                IsTransient = _ => true,
                MaximumAttempts = MaximumAttempts,

                // A coordinator that died is mostly back in a second.
                Pause = TimeSpan.FromMilliseconds(50),
                LongestPause = TimeSpan.FromSeconds(1),
                StaysInContext = false,
                OnRetry = failed => LogRepeated(failed.Problem, worker, run, failed.Pause),
            },
            time);
    }

    /// <summary>Puts a report behind the others and returns at once.</summary>
    public void Send(CoordinatorInput report)
    {
        lock (gate)
            last = SendAfter(last, report);
    }

    private async Task SendAfter(Task previous, CoordinatorInput report)
    {
        await previous.ConfigureAwait(false);
        try
        {
            await policy.Run(_ => grains.Run(run).Report(report)).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            LogGivenUp(exception, worker, run, MaximumAttempts);
        }
    }

    [LoggerMessage(221, LogLevel.Warning, "Worker {Worker} could not report to run {Run}; again in {Delay}.")]
    private partial void LogRepeated(Exception exception, WorkerId worker, RunName run, TimeSpan delay);

    [LoggerMessage(222, LogLevel.Error, "Worker {Worker} gave up a report to run {Run} after {Tries} tries.")]
    private partial void LogGivenUp(Exception exception, WorkerId worker, RunName run, int tries);
}

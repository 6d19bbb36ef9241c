using Gpt2Cluster.Core.Names;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Workers;

internal sealed partial class WorkerSession
{
    [LoggerMessage(211, LogLevel.Information,
        "Worker {Worker} stands ready for run {Run}, generation {Generation}, at step {Step}.")]
    private static partial void LogReady(ILogger logger, WorkerId worker, RunName run, int generation, long step);

    [LoggerMessage(212, LogLevel.Error, "Worker {Worker} of run {Run}, step {Step}: {Phase} failed.")]
    private static partial void LogFailed(
        ILogger logger, Exception exception, WorkerId worker, RunName run, long step, string phase);

    [LoggerMessage(214, LogLevel.Debug, "Worker {Worker} of run {Run} leaves step {Step}: the generation changed.")]
    private static partial void LogCancelled(ILogger logger, WorkerId worker, RunName run, long step);

    [LoggerMessage(215, LogLevel.Error, "Worker {Worker} of run {Run}, step {Step}: {Phase} failed: {Reason}.")]
    private static partial void LogRefused(
        ILogger logger, WorkerId worker, RunName run, long step, string phase, string reason);
}

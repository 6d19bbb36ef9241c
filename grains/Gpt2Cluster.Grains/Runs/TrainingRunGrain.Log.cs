using Gpt2Cluster.Core.Names;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Runs;

/// <content>What it logs.</content>
internal sealed partial class TrainingRunGrain
{
    [LoggerMessage(303, LogLevel.Warning,
        "The coordinator of run {Run} hears of a generation that another one has raised, and stops acting.")]
    private partial void LogReplaced(RunName run);

    [LoggerMessage(304, LogLevel.Warning, "The store does not say who coordinates run {Run}.")]
    private partial void LogStoreSilent(Exception exception, RunName run);

    [LoggerMessage(305, LogLevel.Warning,
        "It could not be said that the checkpoint of {Model} is held for run {Run}; its next coordinator says it.")]
    private partial void LogNotHeld(Exception exception, string model, RunName run);

    [LoggerMessage(306, LogLevel.Information,
        "The run {Base} could not be told that {Run} stands on none of its checkpoints any more.")]
    private partial void LogNotReleased(Exception exception, RunName @base, RunName run);

    [LoggerMessage(307, LogLevel.Information, "Run {Run} is deleted: {Bytes} bytes of checkpoints were removed.")]
    private partial void LogDeleted(RunName run, long bytes);

    [LoggerMessage(308, LogLevel.Warning,
        "Silo {Silo} did not say that it has removed the checkpoints of run {Run}; it looks for them by itself.")]
    private partial void LogNotRemoved(Exception exception, SiloName silo, RunName run);

    [LoggerMessage(309, LogLevel.Warning, "What is left of the deleted run {Run} is not gone; it is tried again.")]
    private partial void LogNotCleared(Exception exception, RunName run);

    [LoggerMessage(302, LogLevel.Warning, "The cluster could not be told that run {Run} rests; it is tried again.")]
    private partial void LogNotTold(Exception exception, RunName run);

    [LoggerMessage(301, LogLevel.Warning, "The coordinator of run {Run} stops acting; another one goes on.")]
    private partial void LogOver(Exception exception, RunName run);
}

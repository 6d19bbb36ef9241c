using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Runs;

/// <content>What it logs.</content>
internal sealed partial class TrainingRunGrain
{
    [LoggerMessage(303, LogLevel.Warning,
        "The coordinator of run {Run} hears of a generation that another one has raised, and stops acting.")]
    private partial void LogReplaced(string run);

    [LoggerMessage(304, LogLevel.Warning, "The store does not say who coordinates run {Run}.")]
    private partial void LogStoreSilent(Exception exception, string run);

    [LoggerMessage(305, LogLevel.Warning,
        "It could not be said that the checkpoint of {Model} is held for run {Run}; its next coordinator says it.")]
    private partial void LogNotHeld(Exception exception, string model, string run);

    [LoggerMessage(302, LogLevel.Warning, "The cluster could not be told that run {Run} rests; it is tried again.")]
    private partial void LogNotTold(Exception exception, string run);

    [LoggerMessage(301, LogLevel.Warning, "The coordinator of run {Run} stops acting; another one goes on.")]
    private partial void LogOver(Exception exception, string run);
}

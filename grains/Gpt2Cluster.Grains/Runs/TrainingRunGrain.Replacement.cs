using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs.State;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Runs;

/// <content>How it finds out that workers or another coordinator have gone on without it.</content>
internal sealed partial class TrainingRunGrain
{
    /// <inheritdoc/>
    public Task Ping(WorkerId worker, int generation)
    {
        if (state is null || state.Record.IsAtRest)
        {
            var newest = Math.Max(generation, state?.Record.Generation ?? 0);
            GrainFactory.Worker(worker).Release(Name, newest).Ignore();
        }
        else if (generation > state.Record.Generation)
        {
            StepDownIfReplaced().Ignore();
        }
        else if (IsDropped(state, worker, generation))
        {
            GrainFactory.Worker(worker).Release(Name, generation).Ignore();
        }

        return Task.CompletedTask;
    }

    /// <summary>
    /// Whether a worker serves an older generation and no step waits for it: it was out of reach when it was let go.
    /// </summary>
    private static bool IsDropped(RunState state, WorkerId worker, int generation) =>
        generation < state.Record.Generation
        && state.Phase is (RunPhase.Stepping or RunPhase.Validating or RunPhase.Sampling or RunPhase.Saving)
        && !state.Members.Exists(member => member.Key == worker);

    /// <summary>
    /// Another coordinator may act, or one that was cut off has written something at last. Whoever has nothing to
    /// store would never meet the conflict, while all reports come here and are ignored.
    /// </summary>
    private async Task StepDownIfReplaced()
    {
        if (isWorking)
            return;
        isWorking = true;
        try
        {
            if (await records.WasReplaced())
            {
                LogReplaced(Name);
                inbox.Close();
                DeactivateOnIdle();
                return;
            }
        }
        catch (OrleansException problem)
        {
            // The store does not say; the next ping asks again.
            LogStoreSilent(problem, Name);
        }

        isWorking = false;
        WorkIfIdle();
    }

    [LoggerMessage(303, LogLevel.Warning,
        "The coordinator of run {Run} hears of a generation that another one has raised, and stops acting.")]
    private partial void LogReplaced(RunName run);

    [LoggerMessage(304, LogLevel.Warning, "The store does not say who coordinates run {Run}.")]
    private partial void LogStoreSilent(Exception exception, RunName run);
}

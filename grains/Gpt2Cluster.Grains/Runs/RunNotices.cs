using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>Turns what the run machine wants known into the events of the command line's contract.</summary>
internal static class RunNotices
{
    /// <summary>The event of a notice.</summary>
    public static RunEvent ToEvent(RunNotice notice, string run) => notice switch
    {
        StepCommitted step => ToEvent(step, run),
        ValidationDone validation => new ValidationEvent
        {
            Run = run,
            Step = validation.Step,
            Loss = validation.Loss,
            Perplexity = Math.Exp(validation.Loss),
        },
        SampleDrawn sample => new SampleEvent
        {
            Run = run,
            Step = sample.Step,
            Index = sample.Index + 1,
            Text = sample.Text,
        },
        CheckpointPublished checkpoint => new CheckpointEvent
        {
            Run = run,
            Step = checkpoint.Entry.Step,
            StateSha256 = checkpoint.Entry.StateHash,
            Path = checkpoint.Entry.Path,
            Seconds = checkpoint.Duration.TotalSeconds,
        },
        MembershipChanged membership => new MembershipEvent
        {
            Run = run,
            Step = membership.Step,
            Generation = membership.Generation,
            Workers = membership.WorkerCount,
            Reason = membership.Reason,
        },
        Warned warned => new WarningEvent { Run = run, Message = warned.Message },
        _ => throw new ArgumentOutOfRangeException(nameof(notice), notice, "Unknown notice."),
    };

    /// <summary>The event of an end.</summary>
    public static EndEvent ToEvent(Finish finish, RunRecord record) => new()
    {
        Run = record.Specification.Run.ToString(),
        Status = StatusWord(finish.Status),
        Step = finish.Step,
        StateSha256 = finish.StateHash ?? "",
        Seconds = record.ActiveTime.TotalSeconds,
        Tokens = finish.Step * record.Specification.TokensPerStep,
    };

    /// <summary>The word of a status in events and lists.</summary>
    public static string StatusWord(RunStatus status) => status switch
    {
        RunStatus.Queued => "queued",
        RunStatus.Preparing => "preparing",
        RunStatus.Running => "running",
        RunStatus.Paused => EndStatus.Paused,
        RunStatus.Completed => EndStatus.Completed,
        RunStatus.Cancelled => EndStatus.Cancelled,
        RunStatus.Failed => EndStatus.Failed,
        RunStatus.EarlyStopped => EndStatus.EarlyStopped,
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "Unknown status."),
    };

    private static StepEvent ToEvent(StepCommitted step, string run) => new()
    {
        Run = run,
        Step = step.Step,
        Loss = step.Loss,
        GradientNorm = step.GradientNorm,
        LearningRate = step.LearningRate,
        Seconds = step.Duration.TotalSeconds,
        TokensPerSecond = step.TokensPerSecond,
        Workers = step.WorkerCount,
        Generation = step.Generation,
        ExchangedBytes = step.ExchangedBytes,
        ExposedExchangeSeconds = step.ExposedExchange.TotalSeconds,
    };
}

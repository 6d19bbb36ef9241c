using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Runs;
using RunEvent = Gpt2Cluster.Contracts.Runs.Events.RunEvent;

namespace Gpt2Cluster.Client.Watching.Views;

/// <summary>Events as lines for people.</summary>
internal static class EventLines
{
    private const int ShortHash = 12;

    /// <summary>The line of the last step.</summary>
    public static string OfStep(RunProgress progress)
    {
        var last = progress.Last ?? throw new InvalidOperationException("There is no step yet.");
        return string.Join(
            "  ",
            $"step {Position(last.Step, progress.Steps)}",
            $"loss {Formats.Loss(last.Loss)}",
            $"lr {Formats.Rate(last.LearningRate)}",
            $"{Formats.Count(progress.TokensPerSecond)} tokens/s",
            Formats.Several(last.Workers, "worker"),
            $"eta {Formats.Duration(progress.RemainingSeconds)}");
    }

    /// <summary>The line of an event that is no step; a sample has several.</summary>
    /// <param name="runEvent">The event.</param>
    /// <param name="steps">Steps in all; 0 while unknown.</param>
    public static string Of(RunEvent runEvent, long steps) => runEvent switch
    {
        SubmittedEvent submitted => Of(submitted),
        ValidationEvent validation =>
            $"step {Position(validation.Step, steps)}  validation loss {Formats.Loss(validation.Loss)}  "
            + $"perplexity {Formats.Hundredths(validation.Perplexity)}",
        SampleEvent sample => Of(sample),
        CheckpointEvent checkpoint =>
            $"step {Position(checkpoint.Step, steps)}  checkpoint {Short(checkpoint.StateSha256)}  "
            + $"{checkpoint.Path} ({Formats.Hundredths(checkpoint.Seconds)} s)",
        MembershipEvent membership =>
            $"step {Position(membership.Step, steps)}  generation {membership.Generation}, "
            + $"{Formats.Several(membership.Workers, "worker")}: {membership.Reason}",
        WarningEvent warning => $"warning: {warning.Message}",
        EndEvent end =>
            $"{end.Status.ForPeople()} after step {Position(end.Step, steps)}: "
            + $"{Formats.Count(end.Tokens)} tokens in {Formats.Duration(end.Seconds)}"
            + (end.StateSha256.Length > 0 ? $", state {Short(end.StateSha256)}" : ""),
        _ => throw new InvalidOperationException($"An event of kind {runEvent.GetType().Name} has no line."),
    };

    /// <summary>Lines of a sample, with the original tool's header.</summary>
    public static string Of(SampleEvent sample) =>
        $"======== SAMPLE {sample.Index} ======== (step {sample.Step})\n{sample.Text.TrimEnd()}\n========";

    private static string Of(SubmittedEvent submitted) =>
        $"run {submitted.Run}: {submitted.Model}, {Formats.Several(submitted.Parameters, "parameter")}; "
        + $"{Formats.Several(submitted.Tokens, "token")} in {Formats.Several(submitted.Windows, "window")}; "
        + $"{Formats.Several(submitted.Steps, "step")} of {Formats.Count(submitted.TokensPerStep)} tokens";

    private static string Position(long step, long steps) => steps == 0 ? $"{step}" : $"{step}/{steps}";

    private static string Short(string hash) => hash.Length > ShortHash ? hash[..ShortHash] : hash;
}

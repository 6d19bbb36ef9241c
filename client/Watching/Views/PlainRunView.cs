using Gpt2Cluster.Client.Output;
using Gpt2Cluster.Contracts.Runs.Events;

namespace Gpt2Cluster.Client.Watching.Views;

/// <summary>Plain lines, for pipes and files: about one step a second, and every other event.</summary>
/// <param name="output">Takes the lines.</param>
/// <param name="steps">Steps in all; 0 while unknown.</param>
/// <param name="time">The clock.</param>
internal sealed class PlainRunView(ClientOutput output, long steps, TimeProvider time) : IRunView
{
    private static readonly TimeSpan StepGap = TimeSpan.FromSeconds(1);

    private readonly RunProgress progress = new(steps);
    private long? shownAt;
    private bool isUnshown;

    /// <inheritdoc/>
    public void Show(string line, RunEvent? runEvent)
    {
        if (runEvent is null)
            return;
        if (runEvent is not StepEvent && isUnshown)
            ShowStep();
        progress.Take(runEvent);
        if (runEvent is StepEvent)
            TakeStep();
        else if (!output.IsQuiet || runEvent is WarningEvent or EndEvent)
            output.Result(EventLines.Of(runEvent, progress.Steps));
    }

    /// <inheritdoc/>
    public void Note(string sentence) => output.WriteMessage(sentence);

    private void TakeStep()
    {
        isUnshown = true;
        if (progress.Step == progress.Steps || shownAt is not { } before || time.GetElapsedTime(before) >= StepGap)
            ShowStep();
    }

    private void ShowStep()
    {
        isUnshown = false;
        shownAt = time.GetTimestamp();
        if (!output.IsQuiet)
            output.Result(EventLines.OfStep(progress));
    }
}

using Gpt2Cluster.Contracts.Runs.Events;
using LossHistory = Gpt2Cluster.Core.Runs.LossHistory;

namespace Gpt2Cluster.Client.Watching.Views;

/// <summary>How far a run is, as its events tell it.</summary>
/// <param name="steps">Steps in all; 0 while unknown.</param>
internal sealed class RunProgress(long steps)
{
    /// <summary>Weight of the newest step in the mean time of a step.</summary>
    private const double NewestWeight = 0.1;

    private double meanSeconds = double.NaN;

    /// <summary>Steps in all; 0 while unknown.</summary>
    public long Steps { get; private set; } = steps;

    /// <summary>The last committed step.</summary>
    public long Step { get; private set; }

    /// <summary>The last step's event; null before the first.</summary>
    public StepEvent? Last { get; private set; }

    /// <summary>The last validation; null before the first.</summary>
    public ValidationEvent? Validation { get; private set; }

    /// <summary>The last sample; null before the first.</summary>
    public SampleEvent? Sample { get; private set; }

    /// <summary>The loss of the first step seen; null before it.</summary>
    public double? FirstLoss { get; private set; }

    /// <summary>The losses of all steps seen; what is not finite is left out.</summary>
    public LossHistory Losses { get; private set; } = LossHistory.Empty;

    /// <summary>Seconds to the last step at the present pace; NaN while unknown.</summary>
    public double RemainingSeconds => Steps == 0 ? double.NaN : Math.Max(0, Steps - Step) * meanSeconds;

    /// <summary>Tokens a second at the present pace.</summary>
    public double TokensPerSecond => Last is { } last ? last.TokensPerSecond * last.Seconds / meanSeconds : 0;

    /// <summary>Takes an event in.</summary>
    public void Take(RunEvent runEvent)
    {
        switch (runEvent)
        {
            case SubmittedEvent submitted:
                Steps = submitted.Steps;
                break;
            case StepEvent step:
                Take(step);
                break;
            case ValidationEvent validation:
                Validation = validation;
                break;
            case SampleEvent sample:
                Sample = sample;
                break;
            case EndEvent end:
                Step = end.Step;
                break;
        }
    }

    private void Take(StepEvent step)
    {
        Last = step;
        Step = step.Step;
        FirstLoss ??= step.Loss;
        if (double.IsFinite(step.Loss))
            Losses = Losses.With(Losses.StepCount + 1, step.Loss);
        meanSeconds = double.IsNaN(meanSeconds)
            ? step.Seconds
            : meanSeconds + (NewestWeight * (step.Seconds - meanSeconds));
    }
}

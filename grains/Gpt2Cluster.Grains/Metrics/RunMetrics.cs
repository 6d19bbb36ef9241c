using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Grains.Metrics;

/// <summary>What the coordinators on this silo tell <c>/metrics</c>. Safe to call from any thread.</summary>
/// <param name="instruments">The instruments.</param>
/// <param name="series">Decides how long a run is shown.</param>
/// <param name="time">The clock.</param>
public sealed class RunMetrics(RunInstruments instruments, RunSeries series, TimeProvider time)
{
    private const string Holder = "coordinator";

    /// <summary>A coordinator takes the run up, from its beginning or again.</summary>
    /// <param name="run">The run's name.</param>
    /// <param name="stepsPlanned">Steps in all.</param>
    public void Begin(RunName run, long stepsPlanned)
    {
        series.Begin(run, Holder);
        instruments.Runs.GetOrAdd(run, _ => new RunFigures()).StepsPlanned = stepsPlanned;
    }

    /// <summary>A step was committed.</summary>
    public void Step(RunName run, StepCommitted step)
    {
        ArgumentNullException.ThrowIfNull(step);
        var kept = instruments.Runs.GetOrAdd(run, _ => new RunFigures());
        kept.LastStep = step;
        kept.TokenCount += step.TokenCount;
        instruments.StepDuration.Record(
            step.Duration.TotalSeconds, new KeyValuePair<string, object?>(RunInstruments.RunLabel, run.ToString()));
    }

    /// <summary>The run was validated: mean loss, nats per token.</summary>
    public void Validation(RunName run, double loss) =>
        instruments.Runs.GetOrAdd(run, _ => new RunFigures()).ValidationLoss = loss;

    /// <summary>The run's membership as it is now.</summary>
    public void Membership(RunName run, int generation, int liveWorkers)
    {
        var kept = instruments.Runs.GetOrAdd(run, _ => new RunFigures());
        kept.Generation = generation;
        kept.LiveWorkers = liveWorkers;
    }

    /// <summary>A checkpoint was published just now.</summary>
    public void Checkpoint(RunName run) =>
        instruments.Runs.GetOrAdd(run, _ => new RunFigures()).CheckpointAt = time.GetTimestamp();

    /// <summary>The run rests or is over; its series stay for a while.</summary>
    public void End(RunName run)
    {
        series.End(run, Holder);
        instruments.Runs.GetOrAdd(run, _ => new RunFigures()).LiveWorkers = null;
    }

    /// <summary>The coordinator is not on this silo any more: what it knew is old at once.</summary>
    public void Leave(RunName run)
    {
        series.End(run, Holder);
        instruments.Runs.TryRemove(run, out _);
    }
}

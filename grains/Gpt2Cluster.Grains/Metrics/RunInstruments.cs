using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Grains.Metrics;

/// <summary>
/// The instruments of runs, labelled with the run's name. Their names are those that Prometheus sees, but for
/// <c>_total</c>.
/// </summary>
public sealed class RunInstruments
{
    /// <summary>Name of our meter.</summary>
    public const string MeterName = "Gpt2Cluster";

    /// <summary>The label that names the run.</summary>
    public const string RunLabel = "run";

    /// <summary>Bounds of the durations' buckets, seconds: from a tiny model's step to a large one's.</summary>
    public static readonly double[] SecondsBounds =
        [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500];

    private readonly Meter meter;
    private readonly RunSeries series;

    /// <summary>Makes the instruments.</summary>
    public RunInstruments(IMeterFactory meters, RunSeries series, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(meters);
        this.series = series;
        meter = meters.Create(MeterName);
        Gauge("loss_nats", "Mean loss of the last step, nats per token.", run => run.LastStep?.Loss);
        Gauge("validation_loss_nats", "Mean validation loss, nats per token.", run => run.ValidationLoss);
        Gauge("learning_rate", "Learning rate of the last step.", run => run.LastStep?.LearningRate);
        Gauge("gradient_norm", "Norm of the last step's gradient before clipping.", run => run.LastStep?.GradientNorm);
        Gauge("step", "The last committed step.", run => run.LastStep?.Step);
        Gauge("steps_planned", "Steps in all.", run => run.StepsPlanned);
        Gauge("tokens_per_second", "Tokens of the last step by its duration.", run => run.LastStep?.TokensPerSecond);
        Gauge("live_workers", "Workers that serve the run.", run => run.LiveWorkers);
        Gauge("generation", "Version of the run's membership.", run => run.Generation);
        Gauge(
            "checkpoint_age_seconds",
            "Time since the newest checkpoint was published.",
            run => run.CheckpointAt is { } at ? time.GetElapsedTime(at).TotalSeconds : null);
        meter.CreateObservableCounter(
            NameOf("tokens"),
            () => Shown().Select(run => new Measurement<long>(run.Value.TokenCount, Label(run.Key))),
            description: "Tokens trained on.");
        StepDuration = meter.CreateHistogram(
            NameOf("step_duration_seconds"),
            description: "From a step's plan to its commit.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = SecondsBounds });
    }

    /// <summary>The newest figures by run.</summary>
    public ConcurrentDictionary<RunName, RunFigures> Runs { get; } = new();

    /// <summary>From a step's plan to its commit, seconds.</summary>
    public Histogram<double> StepDuration { get; }

    private static string NameOf(string figure) => "gpt2cluster_run_" + figure;

    private static KeyValuePair<string, object?> Label(RunName run) => new(RunLabel, run.ToString());

    private void Gauge(string figure, string description, Func<RunFigures, double?> value) =>
        meter.CreateObservableGauge(
            NameOf(figure),
            () => Shown()
                .Where(run => value(run.Value) is not null)
                .Select(run => new Measurement<double>(value(run.Value)!.Value, Label(run.Key))),
            description: description);

    private IEnumerable<KeyValuePair<RunName, RunFigures>> Shown()
    {
        foreach (var run in Runs)
        {
            if (series.IsOver(run.Key))
                Runs.TryRemove(run);
            else
                yield return run;
        }
    }
}

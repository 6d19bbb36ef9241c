using System.Diagnostics.Metrics;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Grains.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Gpt2Cluster.Grains.Tests.Metrics;

public sealed class RunMetricsTests
{
    private readonly FakeTimeProvider time = new();

    [Fact]
    public void A_run_is_measured_until_five_minutes_after_its_end()
    {
        using var provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var series = new RunSeries(time);
        var instruments = new RunInstruments(provider.GetRequiredService<IMeterFactory>(), series, time);
        var metrics = new RunMetrics(instruments, series, time);
        metrics.Begin("run1".Run(), 10);
        metrics.Step("run1".Run(), Committed(1, 3.5, 1e-3, 0.7, 2));
        metrics.Step("run1".Run(), Committed(2, 3.25, 2e-3, 0.6, 4));
        metrics.Membership("run1".Run(), 7, 2);
        metrics.Checkpoint("run1".Run());
        time.Advance(TimeSpan.FromSeconds(30));
        var shown = Scrape(provider);
        Assert.Equal(3.25, shown["gpt2cluster_run_loss_nats"]);
        Assert.Equal(2e-3, shown["gpt2cluster_run_learning_rate"]);
        Assert.Equal(0.6, shown["gpt2cluster_run_gradient_norm"]);
        Assert.Equal(2, shown["gpt2cluster_run_step"]);
        Assert.Equal(10, shown["gpt2cluster_run_steps_planned"]);
        Assert.Equal(200, shown["gpt2cluster_run_tokens"]);
        Assert.Equal(25, shown["gpt2cluster_run_tokens_per_second"]);
        Assert.Equal(2, shown["gpt2cluster_run_live_workers"]);
        Assert.Equal(7, shown["gpt2cluster_run_generation"]);
        Assert.Equal(30, shown["gpt2cluster_run_checkpoint_age_seconds"]);
        Assert.DoesNotContain("gpt2cluster_run_validation_loss_nats", shown.Keys);
        metrics.End("run1".Run());
        time.Advance(RunSeries.Afterlife);
        shown = Scrape(provider);
        Assert.Equal(3.25, shown["gpt2cluster_run_loss_nats"]);
        Assert.DoesNotContain("gpt2cluster_run_live_workers", shown.Keys);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(Scrape(provider));
    }

    [Fact]
    public void A_coordinator_that_has_gone_leaves_nothing_old_behind()
    {
        using var provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var series = new RunSeries(time);
        var instruments = new RunInstruments(provider.GetRequiredService<IMeterFactory>(), series, time);
        var metrics = new RunMetrics(instruments, series, time);
        metrics.Begin("run1".Run(), 10);
        metrics.Step("run1".Run(), Committed(1, 3.5, 1e-3, 0.7, 2));
        metrics.Leave("run1".Run());
        Assert.Empty(Scrape(provider));
        time.Advance(RunSeries.Afterlife + TimeSpan.FromSeconds(1));
        Assert.True(series.IsOver("run1".Run()));
    }

    private static StepCommitted Committed(
        long step, double loss, double learningRate, double gradientNorm, double seconds) => new()
        {
            Step = step,
            Loss = loss,
            LearningRate = learningRate,
            GradientNorm = gradientNorm,
            TokenCount = 100,
            Duration = TimeSpan.FromSeconds(seconds),
            WorkerCount = 2,
            Generation = 7,
            ExchangedBytes = 0,
            ExposedExchange = TimeSpan.Zero,
        };

    private static Dictionary<string, double> Scrape(IServiceProvider provider)
    {
        var shown = new Dictionary<string, double>(StringComparer.Ordinal);
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, listening) =>
        {
            if (instrument.Meter.Scope == provider.GetService<IMeterFactory>())
                listening.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => shown[instrument.Name] = value);
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => shown[instrument.Name] = value);
        listener.Start();
        listener.RecordObservableInstruments();
        return shown;
    }
}

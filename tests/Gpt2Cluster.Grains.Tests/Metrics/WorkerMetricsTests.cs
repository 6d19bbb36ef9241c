using System.Diagnostics.Metrics;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Grains.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Gpt2Cluster.Grains.Tests.Metrics;

public sealed class WorkerMetricsTests : IDisposable
{
    private readonly ServiceProvider provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly MeterListener listener = new();
    private readonly Dictionary<string, double> sums = new(StringComparer.Ordinal);

    public WorkerMetricsTests()
    {
        var meters = provider.GetRequiredService<IMeterFactory>();
        listener.InstrumentPublished = (instrument, listening) =>
        {
            if (instrument.Meter.Scope == meters)
                listening.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.Start();
    }

    [Fact]
    public void Every_second_of_a_step_has_one_phase_and_waiting_is_named_apart()
    {
        Metrics().Step(
            "run1".Run(), "a/0".Worker(),
            new ComputeTimes(
                Seconds(1), Seconds(2), Seconds(3), Seconds(4), Seconds(5), Seconds(6), Seconds(7)),
            dataWait: Seconds(8),
            exchangeWait: Seconds(9));
        Assert.Equal(
            new Dictionary<string, double>
            {
                ["embedding"] = 1,
                ["blocks_forward"] = 2,
                ["head"] = 3,
                ["head_backward"] = 4,
                ["blocks_backward"] = 5,
                ["fold"] = 6,
                ["optimizer"] = 7,
                ["data_wait"] = 8,
                ["exchange_wait"] = 9,
            },
            sums.ToDictionary(sum => sum.Key.Split(' ')[1], sum => sum.Value));
    }

    [Fact]
    public void Failures_are_counted_from_a_zero_that_is_shown_first()
    {
        var metrics = Metrics();
        metrics.Begin("run1".Run(), "a/0".Worker());
        Assert.Equal(0, sums["gpt2cluster_worker_not_finite_steps"]);
        Assert.Equal(0, sums["gpt2cluster_worker_failed_checkpoints"]);
        metrics.NotFinite("run1".Run(), "a/0".Worker());
        metrics.CheckpointFailed("run1".Run(), "a/0".Worker());
        metrics.CheckpointFailed("run1".Run(), "a/0".Worker());
        Assert.Equal(1, sums["gpt2cluster_worker_not_finite_steps"]);
        Assert.Equal(2, sums["gpt2cluster_worker_failed_checkpoints"]);
    }

    [Fact]
    public void Kept_and_recomputed_micro_batches_are_counted_apart()
    {
        var metrics = Metrics();
        metrics.Begin("run1".Run(), "a/0".Worker());
        Assert.Equal(0, sums["gpt2cluster_worker_recomputed_micro_batches"]);
        metrics.Repeated("run1".Run(), "a/0".Worker(), keptCount: 4, recomputedCount: 0);
        metrics.Repeated("run1".Run(), "a/0".Worker(), keptCount: 0, recomputedCount: 3);
        Assert.Equal(4, sums["gpt2cluster_worker_kept_micro_batches"]);
        Assert.Equal(3, sums["gpt2cluster_worker_recomputed_micro_batches"]);
    }

    public void Dispose()
    {
        listener.Dispose();
        provider.Dispose();
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private WorkerMetrics Metrics() =>
        new(provider.GetRequiredService<IMeterFactory>(), new RunSeries(new FakeTimeProvider()));

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var phase = tags.ToArray().FirstOrDefault(tag => tag.Key == "phase").Value;
        var key = phase is null ? instrument.Name : $"{instrument.Name} {phase}";
        sums[key] = sums.GetValueOrDefault(key) + value;
    }
}

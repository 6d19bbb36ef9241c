using System.Diagnostics.Metrics;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Grains.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace Gpt2Cluster.Grains.Tests.Metrics;

public sealed class CardInstrumentsTests
{
    private static readonly CardDescription H200 = new("NVIDIA H200", 9, 0, 132, 150_000_000_000, "GPU-1", 12080, "");

    [Fact]
    public void Shows_what_its_own_cards_say_and_leaves_out_what_they_do_not()
    {
        var shown = Scrape(new Device(0, "cuda", "NVIDIA H200", 0, true) { Card = H200 });
        Assert.Equal(
        [
            "gpt2cluster_card_memory_errors GPU-1 kind=uncorrected 2",
            "gpt2cluster_card_power_watts GPU-1 512.5",
            "gpt2cluster_card_throttled GPU-1 reason=power_cap 1",
            "gpt2cluster_card_utilization GPU-1 0.75",
        ], shown);
    }

    [Fact]
    public void A_silo_without_cards_has_no_such_gauges() =>
        Assert.Empty(Scrape(new Device(0, "cpu", "a processor", 2, false)));

    private static List<string> Scrape(Device device)
    {
        using var provider = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var meters = provider.GetRequiredService<IMeterFactory>();
        _ = new CardInstruments(meters, [device], new FakeMonitor());
        var shown = new List<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, own) =>
        {
            if (instrument.Meter.Scope == meters)
                own.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.Start();
        listener.RecordObservableInstruments();
        shown.Sort(StringComparer.Ordinal);
        return shown;

        void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var more = tags.Length > 2 ? $" {tags[2].Key}={tags[2].Value}" : "";
            shown.Add(FormattableString.Invariant($"{instrument.Name} {tags[0].Value}{more} {value}"));
        }
    }

    private sealed class FakeMonitor : ICardMonitor
    {
        public IReadOnlyList<CardReading> Read() =>
        [
            new("GPU-1", "NVIDIA H200")
            {
                Utilization = 0.75, Power = 512.5, ThrottleReasons = ["power_cap"], UncorrectedErrors = 2,
            },
            new("GPU-2", "of another silo") { Utilization = 1 },
        ];
    }
}

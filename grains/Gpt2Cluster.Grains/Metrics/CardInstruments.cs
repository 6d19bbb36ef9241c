using System.Diagnostics.Metrics;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Metrics;

/// <summary>The gauges of this silo's cards; a silo without cards has none of them.</summary>
public sealed class CardInstruments
{
    private readonly ICardMonitor monitor;
    private readonly HashSet<string> own;

    /// <summary>Makes the instruments; they read the cards when they are scraped.</summary>
    public CardInstruments(IMeterFactory meters, SiloContext silo, ICardMonitor monitor)
        : this(meters, silo?.Replicas.Devices ?? [], monitor)
    {
    }

    /// <summary>Makes the instruments of some devices.</summary>
    internal CardInstruments(IMeterFactory meters, IReadOnlyList<Device> devices, ICardMonitor monitor)
    {
        ArgumentNullException.ThrowIfNull(meters);
        this.monitor = monitor;
        own = devices.Select(device => device.Card?.Uuid).OfType<string>().ToHashSet(StringComparer.Ordinal);
        if (own.Count == 0)
            return;
        var meter = meters.Create(RunInstruments.MeterName);
        Gauge(meter, "utilization", "Share of the time in which something ran on the card.", card => card.Utilization);
        Gauge(meter, "memory_bytes", "The card's memory.", card => card.MemoryBytes);
        Gauge(meter, "free_memory_bytes", "Free memory of the card.", card => card.FreeMemoryBytes);
        Gauge(meter, "temperature_celsius", "Temperature of the card.", card => card.Temperature);
        Gauge(meter, "power_watts", "What the card draws.", card => card.Power);
        Gauge(meter, "multiprocessor_clock_hertz", "Clock of its multiprocessors.", card => card.MultiprocessorClock);
        Gauge(meter, "memory_clock_hertz", "Clock of its memory.", card => card.MemoryClock);
        meter.CreateObservableGauge(
            NameOf("throttled"),
            () => from card in Cards()
                  from reason in card.ThrottleReasons ?? []
                  select new Measurement<int>(1, [.. Labels(card), new("reason", reason)]),
            description: "1 for each reason for which its clocks are lower than they could be.");
        meter.CreateObservableGauge(
            NameOf("memory_errors"),
            () => from card in Cards()
                  from errors in new[] { ("corrected", card.CorrectedErrors), ("uncorrected", card.UncorrectedErrors) }
                  where errors.Item2 is not null
                  select new Measurement<long>(errors.Item2!.Value, [.. Labels(card), new("kind", errors.Item1)]),
            description: "Errors of its memory since the driver was loaded.");
    }

    private static string NameOf(string figure) => "gpt2cluster_card_" + figure;

    private static KeyValuePair<string, object?>[] Labels(CardReading card) =>
        [new("card", card.Uuid), new("name", card.Name)];

    private IEnumerable<CardReading> Cards() => monitor.Read().Where(card => own.Contains(card.Uuid));

    private void Gauge(Meter meter, string figure, string description, Func<CardReading, double?> value) =>
        meter.CreateObservableGauge(
            NameOf(figure),
            () => Cards().Where(card => value(card) is not null)
                .Select(card => new Measurement<double>(value(card)!.Value, Labels(card))),
            description: description);
}

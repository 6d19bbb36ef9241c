namespace Gpt2Cluster.Core.Ports;

/// <summary>How a card is now; null where it does not say.</summary>
/// <param name="Uuid">As <see cref="Devices.CardDescription.Uuid"/>.</param>
/// <param name="Name">Its model.</param>
public sealed record CardReading(string Uuid, string Name)
{
    /// <summary>The driver's own version, such as <c>570.86.15</c>.</summary>
    public string? DriverVersion { get; init; }

    /// <summary>Share of the last moments in which something ran on it, 0 to 1.</summary>
    public double? Utilization { get; init; }

    /// <summary>Its memory in bytes.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>Free bytes of it.</summary>
    public long? FreeMemoryBytes { get; init; }

    /// <summary>Degrees Celsius.</summary>
    public double? Temperature { get; init; }

    /// <summary>Watts.</summary>
    public double? Power { get; init; }

    /// <summary>Clock of the multiprocessors, hertz.</summary>
    public double? MultiprocessorClock { get; init; }

    /// <summary>Clock of the memory, hertz.</summary>
    public double? MemoryClock { get; init; }

    /// <summary>Why its clocks are lower than they could be; empty if they are not.</summary>
    public IReadOnlyList<string>? ThrottleReasons { get; init; }

    /// <summary>Memory errors since the driver was loaded that were corrected.</summary>
    public long? CorrectedErrors { get; init; }

    /// <summary>Memory errors since the driver was loaded that were not.</summary>
    public long? UncorrectedErrors { get; init; }

    /// <summary>Generation of its PCI Express link.</summary>
    public int? LinkGeneration { get; init; }

    /// <summary>Lanes of that link.</summary>
    public int? LinkWidth { get; init; }

    /// <summary>Whether it is divided into instances (Multi-Instance GPU).</summary>
    public bool? IsDivided { get; init; }
}

/// <summary>Reads the cards of this machine while they work. Safe to call from any thread.</summary>
public interface ICardMonitor
{
    /// <summary>How the cards are now; empty where there are none, or no library to ask.</summary>
    IReadOnlyList<CardReading> Read();
}

using System.Globalization;
using System.Net;

namespace Gpt2Cluster.Silo.Ports;

/// <summary>
/// Where a port is looked for when any free one will do: outside the range from which the system gives ports to
/// outgoing connections. Between two lives of a silo any program may be given a port of that range.
/// </summary>
internal static class FreePorts
{
    /// <summary>The lowest port looked at; below lie the well-known ones.</summary>
    public const int Lowest = 10_000;

    /// <summary>Fewer ports than this outside the system's range are not enough to choose from.</summary>
    public const int FewestCount = 1000;

    private const string RangeFile = "/proc/sys/net/ipv4/ip_local_port_range";

    /// <summary>A silo's standard ports; silos started by hand count up from them, this far.</summary>
    private const int StandardSpan = 100;

    private static readonly int[] Standard = [11_111, 21_111, 30_000];

    /// <summary>The ports to choose from on this machine.</summary>
    public static IReadOnlyList<int> OfThisMachine { get; } = Beside(EphemeralRange());

    /// <summary>The ports the system gives to outgoing connections, first and last.</summary>
    public static (int First, int Last) EphemeralRange()
    {
        // What IANA says, and what systems without the file do.
        if (!File.Exists(RangeFile))
            return (49_152, IPEndPoint.MaxPort);
        var words = File.ReadAllText(RangeFile).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return (int.Parse(words[0], CultureInfo.InvariantCulture), int.Parse(words[1], CultureInfo.InvariantCulture));
    }

    /// <summary>
    /// The ports to choose from beside such a range; those of the range itself when it leaves hardly any.
    /// </summary>
    public static IReadOnlyList<int> Beside((int First, int Last) ephemeral)
    {
        var ports = Enumerable.Range(Lowest, IPEndPoint.MaxPort - Lowest + 1)
            .Where(port => !Standard.Any(first => port >= first && port < first + StandardSpan))
            .ToLookup(port => port < ephemeral.First || port > ephemeral.Last);
        return ports[true].Count() >= FewestCount ? [.. ports[true]] : [.. ports[false]];
    }
}

using System.Diagnostics;
using System.Net;

namespace Gpt2Cluster.Faults.Network;

/// <summary>
/// A network namespace for each silo, and a device each whose packets pass through a <see cref="PacketSwitch"/>. The
/// store and the clients stay in the namespace of this process. Needs root.
/// </summary>
internal sealed class SeparateNetworks : IDisposable
{
    private const int FirstSilo = 11;

    private readonly PacketSwitch packets = new();
    private readonly List<string> namespaces = [];
    private readonly List<IPAddress> silos = [];
    private readonly string prefix = $"g2c{Environment.ProcessId % 100_000}";
    private readonly string subnet = $"10.{100 + (Environment.ProcessId % 100)}.{Environment.ProcessId / 100 % 250}";

    private readonly string home;

    /// <summary>Makes the networks.</summary>
    /// <param name="siloCount">Silos.</param>
    public SeparateNetworks(int siloCount)
    {
        home = $"{prefix}h";
        Home = IPAddress.Parse($"{subnet}.1");
        var device = new Tun(home);
        packets.Plug(Home, device);
        Up([], home, Home);
        for (var index = 0; index < siloCount; index++)
            AddSilo(index);
    }

    /// <summary>Where store and clients are.</summary>
    public IPAddress Home { get; }

    /// <summary>Addresses of the silos.</summary>
    public IReadOnlyList<IPAddress> Silos => silos;

    /// <summary>Why this machine cannot do it; null if it can.</summary>
    public static string? ReasonAgainst =>
        !Environment.IsPrivilegedProcess ? "network namespaces need root"
        : !File.Exists("/dev/net/tun") ? "this machine has no /dev/net/tun"
        : null;

    /// <summary>Words that start a program in a silo's network.</summary>
    public IReadOnlyList<string> PrefixOf(int silo) => ["ip", "netns", "exec", namespaces[silo]];

    /// <summary>Says what happens to packets from one host to another; null for nothing.</summary>
    public void Set(IPAddress from, IPAddress to, Way? way) => packets.Set(from, to, way);

    public void Dispose()
    {
        // Whoever reads from a device wakes up when it goes, and not when it is closed.
        Run("ip", "link", "del", home);
        foreach (var each in namespaces)
        {
            Run("ip", "-n", each, "link", "del", each);
            Run("ip", "netns", "del", each);
        }

        packets.Dispose();
    }

    private void AddSilo(int index)
    {
        var name = $"{prefix}{(char)('a' + index)}";
        var address = IPAddress.Parse($"{subnet}.{FirstSilo + index}");
        Run("ip", "netns", "add", name);
        namespaces.Add(name);
        silos.Add(address);
        var device = new Tun(name);
        packets.Plug(address, device);
        Run("ip", "link", "set", name, "netns", name);
        string[] inside = ["ip", "netns", "exec", name];
        Run([.. inside, "ip", "link", "set", "lo", "up"]);
        Up(inside, name, address);
    }

    private static void Up(string[] inside, string device, IPAddress address)
    {
        Run([.. inside, "ip", "addr", "add", $"{address}/24", "dev", device]);
        Run([.. inside, "ip", "link", "set", device, "mtu", $"{Tun.MaximumPacketBytes}", "up"]);
    }

    private static void Run(params string[] words)
    {
        var start = new ProcessStartInfo(words[0], words.Skip(1)) { RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{string.Join(' ', words)} failed: {said.Trim()}");
    }
}

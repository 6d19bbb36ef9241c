using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Housekeeping;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Silo.Settings;

/// <summary>Turns option texts into <see cref="SiloSettings"/>.</summary>
/// <param name="valueOf">The text given for an option's name without dashes in front; null when none was.</param>
public sealed partial class SettingsReader(Func<string, string?> valueOf)
{
    private const int MaximumDays = 10_000;

    /// <summary>Reads and checks all settings.</summary>
    /// <exception cref="UserErrorException">A value is wrong; the message names the option.</exception>
    public SiloSettings Read() => new()
    {
        ClusterId = NameOf("cluster-id") ?? "gpt2cluster",
        Name = NameOf("name"),
        Store = StoreAddress.Parse(valueOf("redis") ?? "embedded"),
        StorePasswordFile = FileOf("redis-password-file"),
        SiloPort = PortOf("silo-port", 11111),
        GatewayPort = PortOf("gateway-port", 30000),
        StripePort = PortOf("stripe-port", 21111),
        Http = EndPointOf("http", "127.0.0.1:8080"),
        Advertised = AddressOf("advertise", valueOf("advertise") ?? "127.0.0.1"),
        Devices = DevicesOf(valueOf("devices") ?? "auto"),
        DataFolder = PathOf("data") ?? Path.GetFullPath(DefaultDataFolder()),
        ApiKeyFile = FileOf("api-key-file"),
        KeepUnusedDays = DaysOf("keep-unused", Unused.DefaultAge.Days),
        Coordinator = CoordinatorOf(new RunOptions()),
        StopsWithParent = FlagOf("parent-pipe"),
        ReadyFile = PathOf("ready-file"),
    };

    private static string DefaultDataFolder() => Path.Combine(
        Environment.GetFolderPath(
            Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
        "gpt2cluster");

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    private static partial Regex NamePattern();

    [GeneratedRegex(
        "^(auto|cpu(:[1-9][0-9]{0,3}|:as-card)?"
        + "|cuda(:([0-9]{1,3}|(GPU|MIG)-[0-9A-Fa-f-]{1,36})(,([0-9]{1,3}|(GPU|MIG)-[0-9A-Fa-f-]{1,36}))*)?)$")]
    private static partial Regex DevicesPattern();

    private static string DevicesOf(string text) => DevicesPattern().IsMatch(text)
        ? text
        : throw new UserErrorException(
            "--devices must be auto, cpu, cpu:N, cuda, or cuda: and cards by number or UUID, as in cuda:0,1 or "
            + $"cuda:GPU-8f3a (the beginning is enough), not '{text}'.");

    private static IPAddress AddressOf(string option, string host)
    {
        if (host is "*" or "+")
            return IPAddress.Any;
        if (IPAddress.TryParse(host, out var address))
            return address;
        try
        {
            var found = Dns.GetHostAddresses(host);
            return found.FirstOrDefault(one => one.AddressFamily == AddressFamily.InterNetwork) ?? found[0];
        }
        catch (Exception problem) when (problem is SocketException or ArgumentException or IndexOutOfRangeException)
        {
            throw new UserErrorException($"--{option} names '{host}', which is no address and no known host name.");
        }
    }

    private string? NameOf(string option)
    {
        var text = valueOf(option);
        return text is null || NamePattern().IsMatch(text)
            ? text
            : throw new UserErrorException(
                $"--{option} must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit, "
                + $"not '{text}'.");
    }

    private string? PathOf(string option) => valueOf(option) switch
    {
        null => null,
        "" => throw new UserErrorException($"--{option} takes a path that is not empty."),
        var path => Path.GetFullPath(path),
    };

    private string? FileOf(string option)
    {
        var path = valueOf(option);
        return path is null || File.Exists(path)
            ? path
            : throw new UserErrorException($"--{option} names the file '{path}', which does not exist.");
    }

    private int DaysOf(string option, int standard) => valueOf(option) switch
    {
        null => standard,
        var text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var days)
            && days <= MaximumDays => days,
        var text => throw new UserErrorException(
            $"--{option} needs a number of days from 0 (for ever) to {MaximumDays}, not '{text}'."),
    };

    private RunOptions CoordinatorOf(RunOptions standard) => new RunOptions
    {
        WaitingPatience = SecondsOf("coordinator:waiting-patience", standard.WaitingPatience),
        LastCopyPatience = SecondsOf("coordinator:last-copy-patience", standard.LastCopyPatience),
        StallPatience = SecondsOf("coordinator:stall-patience", standard.StallPatience),
        SlowDiskBytesPerSecond = 1e6 * NumberOf("coordinator:slow-disk", standard.SlowDiskBytesPerSecond / 1e6),
    }.Checked();

    private TimeSpan SecondsOf(string option, TimeSpan standard) =>
        TimeSpan.FromSeconds(NumberOf(option, standard.TotalSeconds));

    private double NumberOf(string option, double standard) => valueOf(option) switch
    {
        null => standard,
        var text when double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
            && value < 1e9 => value,
        var text => throw new UserErrorException($"{option} needs a number, not '{text}'."),
    };

    private int PortOf(string option, int standard) => valueOf(option) is { } text ? PortOf(option, text) : standard;

    private static int PortOf(string option, string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= ushort.MaxValue
            ? port
            : throw new UserErrorException($"--{option} needs a port from 0 (any free one) to 65535, not '{text}'.");

    private IPEndPoint EndPointOf(string option, string standard)
    {
        var text = valueOf(option) ?? standard;
        var colon = text.LastIndexOf(':');
        if (colon < 1)
            throw new UserErrorException($"--{option} must be HOST:PORT, not '{text}'.");
        return new IPEndPoint(AddressOf(option, text[..colon].Trim('[', ']')), PortOf(option, text[(colon + 1)..]));
    }

    private bool FlagOf(string option) => valueOf(option) switch
    {
        null or "" => false,
        var text when bool.TryParse(text, out var value) => value,
        var text => throw new UserErrorException($"--{option} is either given or not; '{text}' is no value for it."),
    };
}

using System.CommandLine;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Silo.Settings;

/// <summary>
/// The silo's options: the command line first, then <c>GPT2CLUSTER_</c> variables, then <c>appsettings.json</c>.
/// </summary>
public sealed class SiloCommandLine
{
    private const string EnvironmentPrefix = "GPT2CLUSTER_";

    private readonly RootCommand command = new(
        """
        Runs one silo of a Gpt2Cluster.

        Example: two silos on this machine, the second naming the first one's store:
          dotnet run -c Release --project silo
          dotnet run -c Release --project silo -- --redis 127.0.0.1:6390 --silo-port 11112 \
            --gateway-port 30001 --stripe-port 21112 --http 127.0.0.1:8081
        """);

    private readonly Dictionary<string, Option<string?>> texts = [];
    private readonly Dictionary<string, Option<bool>> flags = [];

    /// <summary>Describes the options.</summary>
    public SiloCommandLine()
    {
        Text("cluster-id", "The cluster's id (gpt2cluster).");
        Text("name", "The silo's name (host name and silo port).");
        Text("redis", "The store: embedded, embedded:PORT or [:PASSWORD@]HOST:PORT (embedded:6390).");
        Text("redis-password-file", "File that holds the store's password.");
        Text("silo-port", "Port for other silos (11111).");
        Text("gateway-port", "Port for clients (30000).");
        Text("stripe-port", "Port of the stripe channel (21111).");
        Text("http", "Where pages and metrics are served (127.0.0.1:8080).");
        Text("advertise", "The address other machines reach (none: this machine only).");
        Text("devices", "Devices that become workers: auto, cpu, cpu:N, cuda, cuda:0,1 or cuda:GPU-UUID (auto).");
        Text("data", "The data folder (the user's data folder).");
        Text("keep-unused", "Days that uploads and datasets no run names are kept; 0: for ever (7).");
        Text("api-key-file", "File that holds the key for pages beyond loopback.");
        Text("ready-file", "File to write once the silo is ready.", isHidden: true);
        Flag("parent-pipe", "Stop when standard input ends.");
    }

    /// <summary>Reads the options; null when help or the version was shown instead.</summary>
    /// <exception cref="UserErrorException">An option is unknown or its value is wrong.</exception>
    public SiloSettings? Read(IReadOnlyList<string> arguments, IConfiguration configuration)
    {
        var parsed = command.Parse(arguments);
        if (parsed.Errors is [var first, ..])
            throw new UserErrorException(Sentence(parsed, first.Message));
        if (parsed.Action is not null)
        {
            parsed.Invoke();
            return null;
        }

        var configured = Normalized(configuration);
        return new SettingsReader(name => Given(parsed, name) ?? configured.GetValueOrDefault(Normalized(name))).Read();
    }

    /// <summary>
    /// The settings outside of the command line: the file beside the program, then the one in the working folder, then
    /// variables.
    /// </summary>
    public static IConfigurationRoot DefaultConfiguration() => new ConfigurationBuilder()
        .AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), optional: true)
        .AddJsonFile(Path.Combine(Environment.CurrentDirectory, "appsettings.json"), optional: true)
        .AddEnvironmentVariables(EnvironmentPrefix)
        .Build();

    private static string Sentence(ParseResult parsed, string message) => parsed.UnmatchedTokens is [var token, ..]
        ? $"'{token}' is unknown."
        : message;

    private static Dictionary<string, string?> Normalized(IConfiguration configuration)
    {
        var values = new Dictionary<string, string?>();
        foreach (var (key, value) in configuration.AsEnumerable())
        {
            if (value is not null)
                values[Normalized(key)] = value;
        }

        return values;
    }

    /// <summary>One spelling for <c>silo-port</c>, <c>SILO_PORT</c> and <c>SiloPort</c>.</summary>
    private static string Normalized(string name) => name
        .Replace("-", "", StringComparison.Ordinal)
        .Replace("_", "", StringComparison.Ordinal)
        .ToUpperInvariant();

    private string? Given(ParseResult parsed, string name)
    {
        if (flags.TryGetValue(name, out var flag))
            return parsed.GetValue(flag) ? bool.TrueString : null;
        return texts.TryGetValue(name, out var text) ? parsed.GetValue(text) : null;
    }

    private void Text(string name, string description, bool isHidden = false)
    {
        var option = new Option<string?>("--" + name) { Description = description, Hidden = isHidden };
        AddAlias(option, name);
        texts.Add(name, option);
        command.Options.Add(option);
    }

    private void Flag(string name, string description)
    {
        var option = new Option<bool>("--" + name) { Description = description, Hidden = true };
        AddAlias(option, name);
        flags.Add(name, option);
        command.Options.Add(option);
    }

    private static void AddAlias(Option option, string name)
    {
        if (name.Contains('-', StringComparison.Ordinal))
            option.Aliases.Add("--" + name.Replace('-', '_'));
    }
}

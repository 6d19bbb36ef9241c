using System.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.LocalCluster;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>The options every command takes.</summary>
internal sealed class CommonOptions
{
    /// <summary>Silos a local cluster may have: more than this on one machine is a slip of the finger.</summary>
    private const int MaximumSilos = 64;

    private readonly Option<string?> cluster = Values.Text(
        "--cluster", "ADDRESS",
        "local, HOST:PORT[,HOST:PORT][/CLUSTER-ID] or redis://[:PASSWORD@]HOST:PORT/CLUSTER-ID "
        + "[default: GPT2CLUSTER_CLUSTER, else local]");

    private readonly Option<string?> data = Values.Text(
        "--data", "DIR",
        "where the local cluster keeps everything [default: GPT2CLUSTER_DATA, else the user's data folder]");

    private readonly Option<long?> silos = Values.WholeNumber("--silos", "silos of the local cluster [default: 1]");

    private readonly Option<bool> json = Values.Flag("--json", "one JSON object a line, and nothing else");

    private readonly Option<bool> quiet = Values.Flag("--quiet", "results, warnings and errors only");

    private readonly Option<bool> verbose = Values.Flag("--verbose", "what the client does behind the scenes too");

    /// <summary>All of them.</summary>
    public IReadOnlyList<Option> All => [cluster, data, silos, json, quiet, verbose];

    /// <summary>What the user chose.</summary>
    /// <exception cref="Core.UserErrorException">A value cannot be.</exception>
    public CommonChoices Read(ParseResult result)
    {
        var siloCount = result.GetValue(silos);
        if (siloCount is < 1 or > MaximumSilos)
            throw new Core.UserErrorException($"--silos takes a number from 1 to {MaximumSilos}, not {siloCount}.");
        return new CommonChoices
        {
            Cluster = ClusterAddress.Parse(
                result.GetValue(cluster) ?? EnvironmentText("GPT2CLUSTER_CLUSTER") ?? "local"),
            DataFolder = DataFolder.At(result.GetValue(data) ?? EnvironmentText("GPT2CLUSTER_DATA")),
            Silos = (int?)siloCount,
            IsJson = result.GetValue(json),
            IsQuiet = result.GetValue(quiet),
            IsVerbose = result.GetValue(verbose),
        };
    }

    private static string? EnvironmentText(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? text : null;
}

using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.LocalCluster;

namespace Gpt2Cluster.Client.CommandLine;

/// <summary>What the user chose for the options every command takes.</summary>
internal sealed record CommonChoices
{
    /// <summary>Which cluster.</summary>
    public required ClusterAddress Cluster { get; init; }

    /// <summary>The local cluster's folder.</summary>
    public required DataFolder DataFolder { get; init; }

    /// <summary>Silos of the local cluster; null when not said.</summary>
    public int? Silos { get; init; }

    /// <summary>Whether standard output carries JSON lines and nothing else.</summary>
    public bool IsJson { get; init; }

    /// <summary>Whether progress is left out.</summary>
    public bool IsQuiet { get; init; }

    /// <summary>Whether the client tells what it does behind the scenes.</summary>
    public bool IsVerbose { get; init; }
}

using System.Net;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Silo.Settings;

/// <summary>Everything a silo is told at its start, read and checked. A port of 0 means any free one.</summary>
public sealed record SiloSettings
{
    /// <summary>The cluster it belongs to; silos and clients of another id are refused.</summary>
    public required string ClusterId { get; init; }

    /// <summary>The silo's name; null for host name and silo port.</summary>
    public string? Name { get; init; }

    /// <summary>Where membership and run records are kept.</summary>
    public required StoreAddress Store { get; init; }

    /// <summary>File that holds the store's password; null for none.</summary>
    public string? StorePasswordFile { get; init; }

    /// <summary>Port for other silos, 0 to 65,535.</summary>
    public required int SiloPort { get; init; }

    /// <summary>Port for clients, 0 to 65,535.</summary>
    public required int GatewayPort { get; init; }

    /// <summary>Port of the stripe channel, 0 to 65,535.</summary>
    public required int StripePort { get; init; }

    /// <summary>Where pages and metrics are served.</summary>
    public required IPEndPoint Http { get; init; }

    /// <summary>The address other machines reach; loopback when the silo serves this machine only.</summary>
    public required IPAddress Advertised { get; init; }

    /// <summary>
    /// Which devices become workers: <c>auto</c>, <c>cpu</c>, <c>cpu:N</c>, <c>cuda</c>, or
    /// <c>cuda:</c> and numbers or UUIDs of cards.
    /// </summary>
    public required string Devices { get; init; }

    /// <summary>The data folder, absolute.</summary>
    public required string DataFolder { get; init; }

    /// <summary>File that holds the API key; null for none.</summary>
    public string? ApiKeyFile { get; init; }

    /// <summary>
    /// Days that uploads and datasets which no run names are kept, 0 for ever; see <c>Core.Housekeeping.Unused</c>.
    /// </summary>
    public required int KeepUnusedDays { get; init; }

    /// <summary>How patient the coordinators of runs are.</summary>
    public RunOptions Coordinator { get; init; } = new();

    /// <summary>Whether the end of standard input means that the parent is gone and the silo must stop.</summary>
    public bool StopsWithParent { get; init; }

    /// <summary>File to write once the silo is ready; null for none.</summary>
    public string? ReadyFile { get; init; }

    /// <summary>Whether other machines are to reach this silo.</summary>
    public bool IsBeyondLoopback => !IPAddress.IsLoopback(Advertised);
}

using System.Globalization;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Client.Connection;

/// <summary>Where a cluster is.</summary>
internal abstract record ClusterAddress
{
    /// <summary>The cluster id when none is named.</summary>
    public const string DefaultClusterId = "gpt2cluster";

    private const string RedisPrefix = "redis://";

    /// <summary>
    /// Reads <c>local</c>, <c>HOST:PORT[,HOST:PORT][/CLUSTER-ID]</c> or
    /// <c>redis://[:PASSWORD@]HOST:PORT/CLUSTER-ID</c>.
    /// </summary>
    /// <exception cref="UserErrorException">It is none of these.</exception>
    public static ClusterAddress Parse(string text)
    {
        if (text == "local")
            return new LocalAddress();
        return text.StartsWith(RedisPrefix, StringComparison.Ordinal)
            ? ParseRedis(text[RedisPrefix.Length..])
            : ParseGateways(text);
    }

    private static GatewayAddress ParseGateways(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var list = slash < 0 ? text : text[..slash];
        var id = slash < 0 ? DefaultClusterId : text[(slash + 1)..];
        var gateways = list.Split(',').Select(ParseHost).ToList();
        if (id.Length == 0 || gateways.Exists(gateway => gateway is null))
        {
            throw new UserErrorException(
                "--cluster must be local, HOST:PORT[,HOST:PORT][/CLUSTER-ID] or "
                + $"redis://[:PASSWORD@]HOST:PORT/CLUSTER-ID, and '{text}' is none of these.");
        }

        return new GatewayAddress(gateways.ConvertAll(gateway => gateway!), id);
    }

    private static RedisAddress ParseRedis(string text)
    {
        var slash = text.LastIndexOf('/');
        var store = slash < 0 ? text : text[..slash];
        var at = store.LastIndexOf('@');
        var secret = at < 0 ? "" : store[..at];
        var host = ParseHost(store[(at + 1)..]);
        var isSecretBad = at >= 0 && (secret.Length < 2 || secret[0] != ':');
        if (host is null || slash < 0 || slash == text.Length - 1 || isSecretBad)
        {
            throw new UserErrorException(
                "--cluster redis://[:PASSWORD@]HOST:PORT/CLUSTER-ID must name the store's host, its port and the "
                + "cluster.");
        }

        return new RedisAddress(host, at < 0 ? null : secret[1..], text[(slash + 1)..]);
    }

    private static HostAndPort? ParseHost(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon > 0
            && int.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            && port is > 0 and <= ushort.MaxValue
            ? new HostAndPort(text[..colon].Trim('[', ']'), port)
            : null;
    }
}

/// <summary>The cluster of this machine and data folder; started when there is none.</summary>
internal sealed record LocalAddress : ClusterAddress
{
    /// <inheritdoc/>
    public override string ToString() => "the local cluster";
}

/// <summary>A cluster reached through gateways of its silos.</summary>
/// <param name="Gateways">One or more.</param>
/// <param name="ClusterId">The cluster's id.</param>
internal sealed record GatewayAddress(IReadOnlyList<HostAndPort> Gateways, string ClusterId) : ClusterAddress
{
    /// <inheritdoc/>
    public override string ToString() => $"{string.Join(",", Gateways)}/{ClusterId}";
}

/// <summary>A cluster found through its store.</summary>
/// <param name="Store">The store.</param>
/// <param name="Password">Its password; null for none.</param>
/// <param name="ClusterId">The cluster's id.</param>
internal sealed record RedisAddress(HostAndPort Store, string? Password, string ClusterId) : ClusterAddress
{
    /// <summary>The address without its password.</summary>
    public override string ToString() => $"redis://{Store}/{ClusterId}";
}

/// <summary>A host's name or address, and a port.</summary>
internal sealed record HostAndPort(string Host, int Port)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Host}:{Port.ToString(CultureInfo.InvariantCulture)}";
}

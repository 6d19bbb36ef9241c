using System.Net;
using Orleans.Messaging;

namespace Gpt2Cluster.Client.Connection;

/// <summary>
/// The gateways that <c>--cluster</c> names, for Orleans: the one that answered while it lives, and all of them from
/// then on. Each attempt at a dead one costs the call that makes it as long as the attempt may take.
/// </summary>
/// <param name="gateways">One or more.</param>
/// <param name="chosen">The index of the one to use while it lives.</param>
internal sealed class NamedGateways(IPEndPoint[] gateways, int chosen) : IGatewayListProvider
{
    /// <summary>
    /// How long one that did not answer is left alone; when none is left, all of them are tried at once.
    /// </summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMinutes(10);

    private bool isLost;

    /// <inheritdoc/>
    public TimeSpan MaxStaleness => Rest;

    /// <inheritdoc/>
    public bool IsUpdatable => true;

    /// <summary>The connection through the chosen one is lost.</summary>
    public void Lose() => Volatile.Write(ref isLost, true);

    /// <inheritdoc/>
    public Task InitializeGatewayListProvider() => Task.CompletedTask;

    /// <inheritdoc/>
    public Task<IList<Uri>> GetGateways() => Task.FromResult<IList<Uri>>(
        Volatile.Read(ref isLost)
            ? [.. gateways.Select(gateway => gateway.ToGatewayUri())]
            : [gateways[chosen].ToGatewayUri()]);
}

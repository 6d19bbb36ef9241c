using System.Net;
using System.Net.Sockets;
using Gpt2Cluster.Core;
using Gpt2Cluster.Silo.Settings;

namespace Gpt2Cluster.Silo.Ports;

/// <summary>
/// The ports a silo really takes: free ones where 0 was asked for, all of them seen to be free. They are held from then
/// on, so that nobody takes one before its server listens.
/// </summary>
/// <param name="Silo">For other silos.</param>
/// <param name="Gateway">For clients.</param>
/// <param name="Stripe">For stripes.</param>
/// <param name="Http">For pages and metrics.</param>
/// <param name="Store">Of the embedded store; of the store elsewhere otherwise.</param>
public sealed record Endpoints(int Silo, int Gateway, int Stripe, IPEndPoint Http, int Store) : IDisposable
{
    private IReadOnlyList<PortClaim> Claims { get; init; } = [];

    /// <summary>Chooses, checks and claims the ports.</summary>
    /// <exception cref="UserErrorException">One is in use, or named twice.</exception>
    public static Endpoints Claim(SiloSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var claims = new List<PortClaim>();
        try
        {
            var endpoints = Claim(settings, claims);
            if (!PortClaim.LetsServerIn)
                endpoints.Dispose();
            return endpoints;
        }
        catch
        {
            claims.ForEach(claim => claim.Dispose());
            throw;
        }
    }

    /// <summary>Where the silo listens: on loopback alone unless other machines are to reach it.</summary>
    public static IPAddress ListeningAddress(SiloSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings.IsBeyondLoopback ? IPAddress.Any : IPAddress.Loopback;
    }

    /// <summary>Gives the ports up; servers that listen go on.</summary>
    public void Dispose()
    {
        foreach (var claim in Claims)
            claim.Dispose();
    }

    private static Endpoints Claim(SiloSettings settings, List<PortClaim> claims)
    {
        var listening = ListeningAddress(settings);
        var silo = Claim(claims, "--silo-port", listening, settings.SiloPort);
        var gateway = Claim(claims, "--gateway-port", listening, settings.GatewayPort);
        var stripe = Claim(claims, "--stripe-port", listening, settings.StripePort);
        var http = Claim(claims, "--http", settings.Http.Address, settings.Http.Port);
        var store = settings.Store.IsEmbedded
            ? Claim(claims, "--redis embedded", listening, settings.Store.Port)
            : settings.Store.Port;
        return new Endpoints(silo, gateway, stripe, new IPEndPoint(settings.Http.Address, http), store)
        {
            Claims = claims,
        };
    }

    private static int Claim(List<PortClaim> claims, string option, IPAddress address, int port)
    {
        // Nothing listens yet on a port that is named twice.
        if (claims.Exists(claim => claim.Covers(address, port)))
            throw InUse(option, port);
        try
        {
            var claim = port == 0 ? PortClaim.OfAnyFree(address) : PortClaim.Of(address, port);
            claims.Add(claim);
            return claim.Port;
        }
        catch (SocketException problem)
        {
            throw problem.SocketErrorCode == SocketError.AddressAlreadyInUse
                ? InUse(option, port)
                : new UserErrorException($"Port {port} ({option}) cannot be opened on {address}: {problem.Message}.");
        }
    }

    private static UserErrorException InUse(string option, int port) =>
        new($"Port {port} ({option}) is in use; name another one, or 0 for any free port.");
}

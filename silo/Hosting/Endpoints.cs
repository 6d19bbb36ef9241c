using System.Net;
using System.Net.Sockets;
using Gpt2Cluster.Core;
using Gpt2Cluster.Silo.Settings;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>The ports a silo really takes: free ones where 0 was asked for, all of them seen to be free.</summary>
/// <param name="Silo">For other silos.</param>
/// <param name="Gateway">For clients.</param>
/// <param name="Stripe">For stripes.</param>
/// <param name="Http">For pages and metrics.</param>
/// <param name="Store">Of the embedded store; of the store elsewhere otherwise.</param>
public sealed record Endpoints(int Silo, int Gateway, int Stripe, IPEndPoint Http, int Store)
{
    /// <summary>Chooses and checks the ports.</summary>
    /// <exception cref="UserErrorException">One is in use, or named twice.</exception>
    public static Endpoints Claim(SiloSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var listening = ListeningAddress(settings);
        var claimed = new List<TcpListener>();
        try
        {
            var silo = Claim(claimed, "--silo-port", listening, settings.SiloPort);
            var gateway = Claim(claimed, "--gateway-port", listening, settings.GatewayPort);
            var stripe = Claim(claimed, "--stripe-port", listening, settings.StripePort);
            var http = Claim(claimed, "--http", settings.Http.Address, settings.Http.Port);
            var store = settings.Store.IsEmbedded
                ? Claim(claimed, "--redis embedded", listening, settings.Store.Port)
                : settings.Store.Port;
            return new Endpoints(silo, gateway, stripe, new IPEndPoint(settings.Http.Address, http), store);
        }
        finally
        {
            claimed.ForEach(listener => listener.Dispose());
        }
    }

    /// <summary>Where the silo listens: on loopback alone unless other machines are to reach it.</summary>
    public static IPAddress ListeningAddress(SiloSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings.IsBeyondLoopback ? IPAddress.Any : IPAddress.Loopback;
    }

    private static int Claim(List<TcpListener> claimed, string option, IPAddress address, int port)
    {
        var listener = new TcpListener(address, port);
        try
        {
            listener.Start();
        }
        catch (SocketException problem)
        {
            listener.Dispose();
            throw new UserErrorException(problem.SocketErrorCode == SocketError.AddressAlreadyInUse
                ? $"Port {port} ({option}) is in use; name another one, or 0 for any free port."
                : $"Port {port} ({option}) cannot be opened on {address}: {problem.Message}.");
        }

        claimed.Add(listener);
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Exchange;
using Gpt2Cluster.Grains.Workers;
using Gpt2Cluster.Silo.Settings;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>Opens the stripe channel on its port.</summary>
public static class StripeListener
{
    /// <summary>Listens for the stripes of other silos.</summary>
    /// <exception cref="UserErrorException">The port cannot be opened.</exception>
    public static IStripeChannel Open(string siloName, SiloSettings settings, Endpoints endpoints) => new StripeChannel(
        new StripeChannelOptions
        {
            SiloName = siloName,
            Address = Endpoints.ListeningAddress(settings),
            Port = endpoints.Stripe,
            ThreadBegins = () => ThreadNiceness.Set(ThreadNiceness.Stripes),
            Log = sentence => Console.WriteLine($"{DateTimeOffset.UtcNow:O} info: stripe channel: {sentence}"),
        });
}

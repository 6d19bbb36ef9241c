using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Silo.Settings;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>Opens the stripe channel on its port.</summary>
public static class StripeListener
{
    /// <summary>Listens for the stripes of other silos.</summary>
    public static IStripeChannel Open(SiloSettings settings, Endpoints endpoints) =>
        new PendingStripeChannel(endpoints.Stripe);
}

using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Exchange;
using Gpt2Cluster.Grains.Workers;
using Gpt2Cluster.Silo.Ports;
using Gpt2Cluster.Silo.Settings;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>Opens the stripe channel on its port.</summary>
public static partial class StripeListener
{
    /// <summary>Listens for the stripes of other silos.</summary>
    /// <param name="siloName">This silo's name.</param>
    /// <param name="settings">What the silo was told.</param>
    /// <param name="endpoints">Its ports.</param>
    /// <param name="logger">
    /// Takes what the channel says. The channel listens before the silo has a log; what it says by then is written when
    /// there is one.
    /// </param>
    /// <exception cref="UserErrorException">The port cannot be opened.</exception>
    public static IStripeChannel Open(
        SiloName siloName, SiloSettings settings, Endpoints endpoints, Task<ILogger> logger) => new StripeChannel(
            new StripeChannelOptions
            {
                SiloName = siloName,
                Address = Endpoints.ListeningAddress(settings),
                Port = endpoints.Stripe,
                ThreadBegins = () => ThreadNiceness.Set(ThreadNiceness.Stripes),
                Log = sentence => _ = Write(sentence, logger),
            });

    private static async Task Write(string sentence, Task<ILogger> logger) =>
        LogSentence(await logger.ConfigureAwait(false), sentence);

    [LoggerMessage(501, LogLevel.Information, "{Sentence}")]
    private static partial void LogSentence(ILogger logger, string sentence);
}

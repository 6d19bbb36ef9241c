using System.Collections.Concurrent;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Grains.Reducers;

/// <summary>
/// The averagings open on this silo: the reducer grain opens and configures them, the workers of the silo use them.
/// </summary>
/// <param name="channel">The silo's stripe channel.</param>
public sealed class RunExchanges(IStripeChannel channel)
{
    private readonly ConcurrentDictionary<string, IRunExchange> open = new(StringComparer.Ordinal);
    private readonly Lock gate = new();

    /// <summary>Opens the averaging of a run, or gives the one that is open.</summary>
    /// <param name="run">The run's name.</param>
    /// <param name="elementCount">Parameters of its model.</param>
    public IRunExchange Open(string run, long elementCount)
    {
        lock (gate)
            return open.GetOrAdd(run, name => channel.Open(name, elementCount));
    }

    /// <summary>The open averaging of a run.</summary>
    /// <exception cref="InvalidOperationException">It is not open on this silo.</exception>
    public IRunExchange this[string run] =>
        open.TryGetValue(run, out var exchange)
            ? exchange
            : throw new InvalidOperationException($"The averaging of run {run} is not open on this silo.");

    /// <summary>Ends the averaging of a run; does nothing if it is not open.</summary>
    public void Close(string run)
    {
        lock (gate)
        {
            if (open.TryRemove(run, out var exchange))
                exchange.Dispose();
        }
    }
}

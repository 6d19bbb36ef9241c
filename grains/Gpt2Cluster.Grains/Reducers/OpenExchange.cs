using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Grains.Reducers;

/// <summary>
/// One run's averaging on this silo and who uses it: it must outlive its workers' use, and not much more.
/// </summary>
/// <param name="channel">The silo's stripe channel.</param>
/// <param name="run">The run's name.</param>
internal sealed class OpenExchange(IStripeChannel channel, RunName run)
{
    private readonly Lock gate = new();
    private IRunExchange? exchange;
    private int userCount;
    private int generation;
    private int endedGeneration;

    /// <summary>The averaging; null while it is closed.</summary>
    public IRunExchange? Exchange => Volatile.Read(ref exchange);

    /// <summary>Takes a membership over.</summary>
    /// <returns>False if it has a newer one.</returns>
    public bool Configure(ExchangeMembership membership, long elementCount)
    {
        lock (gate)
        {
            if (membership.Generation < generation)
                return false;
            generation = membership.Generation;
            Open(elementCount).Configure(membership);
            return true;
        }
    }

    /// <summary>A worker begins to use it.</summary>
    public IRunExchange Join(long elementCount)
    {
        lock (gate)
        {
            userCount++;
            return Open(elementCount);
        }
    }

    /// <summary>A worker that served this generation has no use for it any more, and its buffers go.</summary>
    public void Leave(int servedGeneration)
    {
        lock (gate)
        {
            userCount--;
            exchange?.Withdraw(servedGeneration);
            endedGeneration = Math.Max(endedGeneration, servedGeneration);
            CloseIfUnused();
        }
    }

    /// <summary>The memberships up to this generation are over.</summary>
    public void Close(int endingGeneration)
    {
        lock (gate)
        {
            endedGeneration = Math.Max(endedGeneration, endingGeneration);
            CloseIfUnused();
        }
    }

    private IRunExchange Open(long elementCount)
    {
        if (exchange is null)
            Volatile.Write(ref exchange, channel.Open(run, elementCount));
        return exchange;
    }

    private void CloseIfUnused()
    {
        if (userCount > 0 || generation > endedGeneration || exchange is not { } unused)
            return;
        Volatile.Write(ref exchange, null);
        unused.Dispose();
    }
}

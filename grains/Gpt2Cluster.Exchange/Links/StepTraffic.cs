using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Exchange.Links;

/// <summary>Counts the payload bytes of a step.</summary>
internal sealed class StepTraffic
{
    private long sentBytes;
    private long receivedBytes;

    /// <summary>What was counted so far.</summary>
    public ExchangeFigures Figures => new(Volatile.Read(ref sentBytes), Volatile.Read(ref receivedBytes));

    /// <summary>Counts what went out.</summary>
    public void CountSent(int bytes) => Interlocked.Add(ref sentBytes, bytes);

    /// <summary>Counts what came in.</summary>
    public void CountReceived(int bytes) => Interlocked.Add(ref receivedBytes, bytes);
}

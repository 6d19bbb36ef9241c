using System.Net.Sockets;
using System.Text;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Exchange.Averaging;
using Gpt2Cluster.Exchange.Links;

namespace Gpt2Cluster.Exchange;

/// <summary>The stripe channel of this process: its connections, and the averaging of the runs that use them.</summary>
public sealed class StripeChannel : IStripeChannel
{
    private readonly StripeChannelOptions options;
    private readonly StripeTransport transport;

    /// <summary>Opens the listener.</summary>
    /// <exception cref="SocketException">The port is taken or not allowed.</exception>
    public StripeChannel(StripeChannelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(
            Encoding.UTF8.GetByteCount(options.SiloName.ToString()), IncomingLink.MaxNameBytes, nameof(options));
        this.options = options;
        Pool = new StripePool(options.StripeElements * sizeof(float));
        transport = new StripeTransport(options);
    }

    /// <inheritdoc/>
    public event Action<UnreachableSilo>? Unreachable;

    /// <inheritdoc/>
    public int Port => transport.Port;

    internal StripePool Pool { get; }

    /// <summary>Whether an average is half way here. For tests.</summary>
    internal bool IsReceivingAnAverage => transport.IsReceivingAnAverage;

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The run is open here already.</exception>
    public IRunExchange Open(RunName run, long elementCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(elementCount, 1);
        var layout = new StripeLayout(elementCount, options.StripeElements);
        var exchange = new RunExchange(transport, Pool, run, layout, news => Unreachable?.Invoke(news));
        var isAdded = false;
        try
        {
            isAdded = transport.TryAdd(exchange);
        }
        finally
        {
            if (!isAdded)
                exchange.Dispose();
        }

        return isAdded
            ? exchange
            : throw new InvalidOperationException($"The run {run} is already open on this stripe channel.");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Task.Factory.StartNew(
            transport.Dispose, default, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Pool.Dispose();
    }

    /// <summary>Breaks every connection, as a fault of the network would. For tests.</summary>
    internal void BreakAll() => transport.BreakAll();
}

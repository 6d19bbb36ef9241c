using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Core.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// Copies to pinned memory on a stream of their own: the device goes on with the backward pass of lower layers
/// meanwhile, and so does the caller. A thread waits for each copy in turn and says that it is there.
/// </summary>
internal sealed unsafe class StreamCopies : IHostCopies
{
    private readonly ICopyDriver driver;
    private readonly OperatorCounts counts;
    private readonly nint stream;
    private readonly nint computed;
    private readonly ConcurrentStack<nint> free = [];
    private readonly BlockingCollection<(nint Mark, Action Arrived)> underWay = [];
    private readonly object gate = new();
    private readonly Thread watcher;
    private int pendingCount;
    private Exception? failure;

    /// <summary>Takes a driver over.</summary>
    public StreamCopies(ICopyDriver driver, OperatorCounts counts)
    {
        (this.driver, this.counts) = (driver, counts);
        (stream, computed) = (driver.NewStream(), driver.NewEvent());
        watcher = new Thread(Watch) { IsBackground = true, Name = "copies" };
        watcher.Start();
    }

    /// <inheritdoc/>
    public FlatBuffer Allocate(long length, ElementType type) => driver.Pinned(length, type);

    /// <inheritdoc/>
    public void Send(Tensor from, FlatBuffer into, long start, long end, Action arrived)
    {
        var bytes = (end - start) * into.ElementBytes;
        counts.AddCopy(HostRead.Gradients, bytes);
        driver.Record(computed, ICopyDriver.Arithmetic);
        driver.StreamWait(stream, computed);
        var offset = start * into.ElementBytes;
        driver.CopyToHost((byte*)into.Pointer + offset, TensorAddress.Of(from) + (nint)offset, bytes, stream);
        var mark = free.TryPop(out var used) ? used : driver.NewEvent();
        driver.Record(mark, stream);
        lock (gate)
            pendingCount++;
        underWay.Add((mark, arrived));
    }

    /// <inheritdoc/>
    public void Wait()
    {
        lock (gate)
        {
            while (pendingCount > 0)
                Monitor.Wait(gate);
        }
    }

    /// <inheritdoc/>
    public void Settle()
    {
        Wait();
        if (Interlocked.Exchange(ref failure, null) is { } thrown)
            ExceptionDispatchInfo.Throw(thrown);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        underWay.CompleteAdding();
        watcher.Join();
        underWay.Dispose();
        driver.Dispose();
    }

    private void Watch()
    {
        foreach (var (mark, arrived) in underWay.GetConsumingEnumerable())
        {
            Exception? problem = null;
            try
            {
                driver.HostWait(mark);
                arrived.Invoke();
                free.Push(mark);
            }
            catch (Exception exception)
            {
                problem = exception; // The compute thread is told when it settles.
            }

            lock (gate)
            {
                failure ??= problem;
                if (--pendingCount == 0)
                    Monitor.PulseAll(gate);
            }
        }
    }
}

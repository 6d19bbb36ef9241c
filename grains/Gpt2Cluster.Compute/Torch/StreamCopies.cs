using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Threads;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// Copies to pinned memory on a stream of their own: the device goes on with the backward pass of lower layers
/// meanwhile, and so does the caller. A thread waits for each copy in turn and says that it is there. Averages go up on
/// another stream through two pinned pieces: one is filled while the other travels. Tokens go up in the stream that
/// computes.
/// </summary>
internal sealed unsafe class StreamCopies : IHostCopies
{
    /// <summary>Elements of a pinned piece, 4 MiB: long enough for a link's whole rate.</summary>
    private const int PieceElements = 1 << 20;

    private readonly ICopyDriver driver;
    private readonly OperatorCounts counts;
    private readonly nint stream;
    private readonly nint computed;
    private readonly nint upward;
    private readonly nint brought;
    private readonly (FlatBuffer Values, nint Mark)[] pieces = new (FlatBuffer, nint)[2];
    private readonly PinnedTokens tokens;
    private readonly DeviceCopies kept;
    private readonly ConcurrentStack<nint> free = [];
    private readonly BlockingCollection<(nint Mark, Action Arrived)> underWay = [];
    private readonly object gate = new();
    private readonly Thread watcher;
    private int pendingCount;
    private Exception? failure;
    private long broughtCount; // pieces that were filled so far
    private bool isBringing;

    /// <summary>Takes a driver over, also when it fails.</summary>
    public StreamCopies(ICopyDriver driver, OperatorCounts counts)
    {
        (this.driver, this.counts) = (driver, counts);
        kept = new DeviceCopies(driver, counts);
        try
        {
            (stream, computed) = (driver.NewStream(), driver.NewEvent());
            (upward, brought) = (driver.NewStream(), driver.NewEvent());
            for (var piece = 0; piece < pieces.Length; piece++)
                pieces[piece] = (driver.Pinned(PieceElements, ElementType.Float32), driver.NewEvent());
            tokens = new PinnedTokens(driver);
        }
        catch
        {
            foreach (var (values, _) in pieces)
                values?.Dispose();
            kept.Dispose();
            throw;
        }

        watcher = DedicatedThread.Start("copies", Watch);
    }

    /// <inheritdoc/>
    public void Put(ReadOnlySpan<int> tokens, Tensor into)
    {
        counts.Add();
        this.tokens.Put(tokens, into);
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
    public void Abandon()
    {
        Wait();
        Interlocked.Exchange(ref failure, null);
    }

    private void Wait()
    {
        lock (gate)
        {
            while (pendingCount > 0)
                Monitor.Wait(gate);
        }
    }

    /// <inheritdoc/>
    public void WaitForCopies()
    {
        Wait();
        if (Interlocked.Exchange(ref failure, null) is { } thrown)
            ExceptionDispatchInfo.Throw(thrown);
    }

    /// <inheritdoc/>
    public void Bring(FlatBuffer from, Tensor into, long start, long end)
    {
        if (!isBringing)
        {
            // Whatever the device still does with the memory comes first: libtorch gave it to others before.
            driver.Record(computed, ICopyDriver.Arithmetic);
            driver.StreamWait(upward, computed);
            isBringing = true;
        }

        for (var first = start; first < end; first += PieceElements)
        {
            var count = (int)Math.Min(PieceElements, end - first);
            var (values, mark) = pieces[broughtCount % pieces.Length];
            if (broughtCount++ >= pieces.Length)
                driver.HostWait(mark); // It travels, perhaps, with what it held before.
            Fill(from, first, values.Floats(0, count));
            counts.Add();
            var place = TensorAddress.Of(into) + (nint)(first * sizeof(float));
            driver.CopyToDevice(place, values.Pointer, count * (long)sizeof(float), upward);
            driver.Record(mark, upward);
        }
    }

    /// <inheritdoc/>
    public void Arrive()
    {
        if (!isBringing)
            return;
        driver.Record(brought, upward);
        driver.StreamWait(ICopyDriver.Arithmetic, brought);
        isBringing = false;
    }

    /// <inheritdoc/>
    public IDeviceCopy Keep(IReadOnlyList<Tensor> tensors) => kept.Take(tensors);

    /// <inheritdoc/>
    /// <remarks>The driver is closed when what was kept is returned as well.</remarks>
    public void Dispose()
    {
        underWay.CompleteAdding();
        watcher.Join();
        underWay.Dispose();
        for (var piece = 0; piece < pieces.Length; piece++)
        {
            var (values, mark) = pieces[piece];
            if (broughtCount > piece)
                Releasing.After(() => driver.HostWait(mark));
            values.Dispose();
        }

        tokens.Dispose();
        kept.Dispose();
    }

    private static void Fill(FlatBuffer from, long first, Span<float> into)
    {
        if (from.ElementType == ElementType.Float32)
        {
            from.Floats(first, into.Length).CopyTo(into);
            return;
        }

        var narrow = MemoryMarshal.Cast<byte, ushort>(from.Bytes(first, into.Length));
        for (var element = 0; element < into.Length; element++)
            into[element] = BitConverter.UInt32BitsToSingle((uint)narrow[element] << 16);
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

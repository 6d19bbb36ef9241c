using System.Runtime.InteropServices;
using Gpt2Cluster.Core.Memory;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>
/// Stripe-size buffers for contributions under way. The last one returned is the next one rented: it is still in the
/// cache.
/// </summary>
/// <param name="bufferBytes">Bytes of every buffer.</param>
internal sealed unsafe class StripePool(int bufferBytes) : IDisposable
{
    /// <summary>Idle memory that is kept; what exceeds it goes back to the system.</summary>
    public const long MaxIdleBytes = 64L << 20;

    private readonly Lock gate = new();
    private readonly Stack<nint> idle = new();
    private int outCount;
    private bool disposed;

    /// <summary>Buffers rented and not returned.</summary>
    public int OutCount => Volatile.Read(ref outCount);

    /// <summary>Takes a buffer; its content is undefined.</summary>
    public void* Rent()
    {
        Interlocked.Increment(ref outCount);
        lock (gate)
        {
            if (idle.TryPop(out var buffer))
                return (void*)buffer;
        }

        return NativeMemory.AlignedAlloc((nuint)bufferBytes, FlatBuffer.AlignmentBytes);
    }

    /// <summary>Gives a buffer back.</summary>
    public void Return(void* buffer)
    {
        lock (gate)
        {
            Interlocked.Decrement(ref outCount);
            if (!disposed && (idle.Count + 1L) * bufferBytes <= MaxIdleBytes)
            {
                idle.Push((nint)buffer);
                return;
            }
        }

        NativeMemory.AlignedFree(buffer);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            while (idle.TryPop(out var buffer))
                NativeMemory.AlignedFree((void*)buffer);
        }
    }
}

using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Core.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>What a reader of a device needs beside the stream that computes.</summary>
/// <param name="Stream">Its own stream.</param>
/// <param name="Taken">Stands for all that the device was asked before a copy was read.</param>
/// <param name="Arrived">Stands for a range that was read.</param>
/// <param name="Piece">Pinned memory for one range, fp32.</param>
internal sealed record ReadStream(nint Stream, nint Taken, nint Arrived, FlatBuffer Piece);

/// <summary>
/// Tensors that the device copied into memory of the driver's, in the stream that computes, and that are read on a
/// stream of their own: who reads waits for nothing that was asked of the device after the copy.
/// </summary>
internal sealed unsafe class StreamDeviceCopy : IDeviceCopy
{
    private readonly ICopyDriver driver;
    private readonly OperatorCounts counts;
    private readonly ReadStream reading;
    private readonly List<(nint Address, long Length)> copies = [];
    private Action? returned;

    /// <summary>Asks for the copies.</summary>
    /// <param name="driver">Open until <paramref name="returned"/> was called.</param>
    /// <param name="counts">Counts them.</param>
    /// <param name="reading">Nobody else's until <paramref name="returned"/> was called.</param>
    /// <param name="tensors">fp32, of one dimension, contiguous.</param>
    /// <param name="returned">Called once when this is disposed; not if it was not made.</param>
    /// <exception cref="OutOfMemoryException">The device has no memory for them; none is taken.</exception>
    public StreamDeviceCopy(
        ICopyDriver driver,
        OperatorCounts counts,
        ReadStream reading,
        IReadOnlyList<Tensor> tensors,
        Action returned)
    {
        (this.driver, this.counts, this.reading) = (driver, counts, reading);
        try
        {
            // All memory first, so that none has to go while the device copies into it.
            foreach (var tensor in tensors)
            {
                var length = tensor.NumberOfElements;
                copies.Add((driver.Allocate(length * sizeof(float)), length));
            }

            for (var index = 0; index < copies.Count; index++)
            {
                counts.Add();
                driver.CopyOnDevice(
                    TensorAddress.Of(tensors[index]),
                    copies[index].Address,
                    copies[index].Length * sizeof(float),
                    ICopyDriver.Arithmetic);
            }

            driver.Record(reading.Taken, ICopyDriver.Arithmetic);
            driver.StreamWait(reading.Stream, reading.Taken);
        }
        catch
        {
            Free();
            throw;
        }

        this.returned = returned;
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Read(int index, long start, int count)
    {
        ObjectDisposedException.ThrowIf(returned is null, this);
        var (address, length) = copies[index];
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, length, nameof(start));
        var values = reading.Piece.Floats(0, count);
        var bytes = (long)count * sizeof(float);
        counts.AddCopy(HostRead.State, bytes);
        var place = address + (nint)(start * sizeof(float));
        driver.CopyToHost(reading.Piece.Pointer, place, bytes, reading.Stream);
        driver.Record(reading.Arrived, reading.Stream);
        driver.HostWait(reading.Arrived);
        return values;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref returned, null) is not { } action)
            return;
        Releasing.After(() => driver.HostWait(reading.Taken)); // Nobody may have read: it may not have copied yet.
        Free();
        action.Invoke();
    }

    private void Free()
    {
        foreach (var (address, _) in copies)
            driver.Free(address);
        copies.Clear();
    }
}

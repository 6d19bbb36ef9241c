using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// Makes copies that stay on a device, and closes the driver when neither its owner nor a copy uses it any more: a
/// checkpoint on a slow disk is read longer than its replica lives.
/// </summary>
internal sealed class DeviceCopies(ICopyDriver driver, OperatorCounts counts) : IDisposable
{
    private readonly Lock gate = new();
    private readonly Stack<ReadStream> idle = [];
    private int userCount = 1; // the owner

    /// <summary>Copies fp32 tensors of one dimension, on the thread that asks the device for its arithmetic.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for them, on the device or beside it.</exception>
    public IDeviceCopy Take(IReadOnlyList<Tensor> tensors)
    {
        var reading = Idle() ?? New();
        try
        {
            var copy = new StreamDeviceCopy(driver, counts, reading, tensors, () => Return(reading));
            lock (gate)
                userCount++;
            return copy;
        }
        catch
        {
            lock (gate)
                idle.Push(reading);
            throw;
        }
    }

    /// <summary>The owner uses the driver no more.</summary>
    public void Dispose() => Leave();

    private ReadStream? Idle()
    {
        lock (gate)
            return idle.TryPop(out var reading) ? reading : null;
    }

    private ReadStream New()
    {
        var piece = driver.Pinned(IReplicaSnapshot.MostElements, ElementType.Float32);
        try
        {
            return new ReadStream(driver.NewStream(), driver.NewEvent(), driver.NewEvent(), piece);
        }
        catch
        {
            piece.Dispose();
            throw;
        }
    }

    private void Return(ReadStream reading)
    {
        lock (gate)
            idle.Push(reading);
        Leave();
    }

    private void Leave()
    {
        lock (gate)
        {
            if (--userCount > 0)
                return;
        }

        foreach (var reading in idle)
            reading.Piece.Dispose();
        driver.Dispose();
    }
}

using Gpt2Cluster.Core.Memory;

namespace Gpt2Cluster.Compute.Devices;

/// <summary>
/// What copying beside a device's arithmetic needs of its driver: streams, whose work is done in order, and events,
/// marks in them. Any thread may call; only <see cref="HostWait"/> waits.
/// </summary>
internal interface ICopyDriver : IDisposable
{
    /// <summary>The stream in which libtorch computes.</summary>
    const nint Arithmetic = 0;

    /// <summary>Host memory that the device reaches by itself; zeroed.</summary>
    FlatBuffer Pinned(long length, ElementType type);

    /// <summary>
    /// Device memory that libtorch does not know of: what it holds, free or not, stays its own. Undefined content.
    /// </summary>
    nint Allocate(long bytes);

    /// <summary>Gives such memory back; nothing under way may use it.</summary>
    void Free(nint device);

    /// <summary>Another stream, which waits for none.</summary>
    nint NewStream();

    /// <summary>An event that was never recorded.</summary>
    nint NewEvent();

    /// <summary>The event stands for all that the stream was asked so far.</summary>
    void Record(nint mark, nint stream);

    /// <summary>What the stream is asked from now on waits for the event as it was recorded last.</summary>
    void StreamWait(nint stream, nint mark);

    /// <summary>Asks a stream for a copy to pinned memory.</summary>
    unsafe void CopyToHost(void* host, nint device, long bytes, nint stream);

    /// <summary>Asks a stream for a copy from pinned memory.</summary>
    unsafe void CopyToDevice(nint device, void* host, long bytes, nint stream);

    /// <summary>Asks a stream for a copy inside the device's memory.</summary>
    void CopyOnDevice(nint from, nint into, long bytes, nint stream);

    /// <summary>Waits for an event.</summary>
    /// <exception cref="InvalidOperationException">The device has failed.</exception>
    void HostWait(nint mark);
}

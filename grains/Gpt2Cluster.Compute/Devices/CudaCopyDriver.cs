using System.Runtime.InteropServices;
using Gpt2Cluster.Core.Memory;

namespace Gpt2Cluster.Compute.Devices;

/// <summary>
/// Streams, events and pinned memory of one card by CUDA's driver API, in the card's primary context, which is the one
/// that libtorch computes in. Names and values are those of cuda.h. It has not run on a card.
/// </summary>
internal sealed unsafe class CudaCopyDriver : ICopyDriver
{
    private const uint NonBlocking = 1; // CU_STREAM_NON_BLOCKING: it does not wait for the default stream.
    private const uint DisableTiming = 2; // CU_EVENT_DISABLE_TIMING
    private const int OutOfMemory = 2; // CUDA_ERROR_OUT_OF_MEMORY
    private const uint Portable = 1; // CU_MEMHOSTALLOC_PORTABLE

    private readonly nint library;
    private readonly int device;
    private readonly nint context;
    private readonly List<nint> streams = [];
    private readonly List<nint> events = [];

    /// <summary>Opens a card by its number.</summary>
    /// <exception cref="DllNotFoundException">There is no driver.</exception>
    /// <exception cref="EntryPointNotFoundException">It is too old.</exception>
    /// <exception cref="InvalidOperationException">It refuses.</exception>
    /// <remarks>
    /// Everything here throws <see cref="OutOfMemoryException"/> where memory ran out and <see
    /// cref="InvalidOperationException"/> with the driver's words otherwise.
    /// </remarks>
    public CudaCopyDriver(int ordinal, string libraryName = "libcuda.so.1")
    {
        library = NativeLibrary.Load(libraryName);
        Check(((delegate* unmanaged<uint, int>)Export("cuInit"))(0), "cuInit");
        int handle;
        Check(((delegate* unmanaged<int*, int, int>)Export("cuDeviceGet"))(&handle, ordinal), "cuDeviceGet");
        device = handle;
        nint made;
        var retain = (delegate* unmanaged<nint*, int, int>)Export("cuDevicePrimaryCtxRetain");
        Check(retain(&made, device), "cuDevicePrimaryCtxRetain");
        context = made;
    }

    /// <inheritdoc/>
    public FlatBuffer Pinned(long length, ElementType type)
    {
        Enter();
        var bytes = (nuint)Math.Max(1, length * (type == ElementType.Float32 ? sizeof(float) : sizeof(ushort)));
        void* memory;
        var allocate = (delegate* unmanaged<void**, nuint, uint, int>)Export("cuMemHostAlloc");
        Check(allocate(&memory, bytes, Portable), "cuMemHostAlloc");
        NativeMemory.Clear(memory, bytes);
        var address = (nint)memory;
        return new FlatBuffer(memory, length, type, () => FreePinned(address));
    }

    /// <inheritdoc/>
    public nint Allocate(long bytes)
    {
        Enter();
        nint memory;
        var allocate = (delegate* unmanaged<nint*, nuint, int>)Export("cuMemAlloc_v2");
        Check(allocate(&memory, (nuint)Math.Max(1, bytes)), "cuMemAlloc");
        return memory;
    }

    /// <inheritdoc/>
    public void Free(nint device)
    {
        _ = ((delegate* unmanaged<nint, int>)Export("cuCtxSetCurrent"))(context);
        _ = ((delegate* unmanaged<nint, int>)Export("cuMemFree_v2"))(device);
    }

    /// <inheritdoc/>
    public nint NewStream()
    {
        Enter();
        nint stream;
        var create = (delegate* unmanaged<nint*, uint, int>)Export("cuStreamCreate");
        Check(create(&stream, NonBlocking), "cuStreamCreate");
        streams.Add(stream);
        return stream;
    }

    /// <inheritdoc/>
    public nint NewEvent()
    {
        Enter();
        nint mark;
        var create = (delegate* unmanaged<nint*, uint, int>)Export("cuEventCreate");
        Check(create(&mark, DisableTiming), "cuEventCreate");
        events.Add(mark);
        return mark;
    }

    /// <inheritdoc/>
    public void Record(nint mark, nint stream)
    {
        Enter();
        Check(((delegate* unmanaged<nint, nint, int>)Export("cuEventRecord"))(mark, stream), "cuEventRecord");
    }

    /// <inheritdoc/>
    public void StreamWait(nint stream, nint mark)
    {
        Enter();
        var wait = (delegate* unmanaged<nint, nint, uint, int>)Export("cuStreamWaitEvent");
        Check(wait(stream, mark, 0), "cuStreamWaitEvent");
    }

    /// <inheritdoc/>
    public void CopyToHost(void* host, nint device, long bytes, nint stream)
    {
        Enter();
        var copy = (delegate* unmanaged<void*, nint, nuint, nint, int>)Export("cuMemcpyDtoHAsync_v2");
        Check(copy(host, device, (nuint)bytes, stream), "cuMemcpyDtoHAsync");
    }

    /// <inheritdoc/>
    public void CopyToDevice(nint device, void* host, long bytes, nint stream)
    {
        Enter();
        var copy = (delegate* unmanaged<nint, void*, nuint, nint, int>)Export("cuMemcpyHtoDAsync_v2");
        Check(copy(device, host, (nuint)bytes, stream), "cuMemcpyHtoDAsync");
    }

    /// <inheritdoc/>
    public void CopyOnDevice(nint from, nint into, long bytes, nint stream)
    {
        Enter();
        var copy = (delegate* unmanaged<nint, nint, nuint, nint, int>)Export("cuMemcpyDtoDAsync_v2");
        Check(copy(into, from, (nuint)bytes, stream), "cuMemcpyDtoDAsync");
    }

    /// <inheritdoc/>
    public void HostWait(nint mark)
    {
        Enter();
        Check(((delegate* unmanaged<nint, int>)Export("cuEventSynchronize"))(mark), "cuEventSynchronize");
    }

    /// <inheritdoc/>
    /// <remarks>What a card that is lost answers has been said before: here it would only hide that.</remarks>
    public void Dispose()
    {
        _ = ((delegate* unmanaged<nint, int>)Export("cuCtxSetCurrent"))(context);
        foreach (var mark in events)
            _ = ((delegate* unmanaged<nint, int>)Export("cuEventDestroy_v2"))(mark);
        foreach (var stream in streams)
            _ = ((delegate* unmanaged<nint, int>)Export("cuStreamDestroy_v2"))(stream);
        _ = ((delegate* unmanaged<int, int>)Export("cuDevicePrimaryCtxRelease_v2"))(device);
    }

    private void FreePinned(nint pinned)
    {
        _ = ((delegate* unmanaged<nint, int>)Export("cuCtxSetCurrent"))(context);
        _ = ((delegate* unmanaged<nint, int>)Export("cuMemFreeHost"))(pinned);
    }

    /// <summary>A context belongs to a thread until another is set.</summary>
    private void Enter() =>
        Check(((delegate* unmanaged<nint, int>)Export("cuCtxSetCurrent"))(context), "cuCtxSetCurrent");

    private void* Export(string name) => (void*)NativeLibrary.GetExport(library, name);

    private void Check(int result, string name)
    {
        if (result == 0)
            return;
        if (result == OutOfMemory)
            throw new InsufficientMemoryException($"CUDA's driver has no memory left for {name}.");
        byte* words = null;
        _ = ((delegate* unmanaged<int, byte**, int>)Export("cuGetErrorString"))(result, &words);
        // In libtorch's form, as all errors of a card are told apart by their words (DeviceFailures).
        throw new InvalidOperationException(
            $"CUDA driver error: {Marshal.PtrToStringUTF8((nint)words) ?? "unknown error"} ({name}: {result})");
    }
}

using Gpt2Cluster.Compute.Torch;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Memory;

/// <summary>Where a backend's tensors lie, and whether the processor reaches their elements.</summary>
internal abstract class DeviceMemory(Device device)
{
    /// <summary>Where tensors lie.</summary>
    public Device Device { get; } = device;

    /// <summary>A flat tensor of zeros.</summary>
    public abstract FlatTensor Flat(long length, ScalarType type);

    /// <summary>Takes over a contiguous tensor of two dimensions that lies here.</summary>
    public abstract Matrix Wrap(Tensor tensor);

    /// <summary>A matrix of undefined content.</summary>
    public Matrix Matrix(int rows, int columns, ScalarType type) => Wrap(empty(rows, columns, type, Device));
}

/// <summary>The processor's own memory: our kernels read and write it by pointers.</summary>
internal sealed unsafe class HostMemory() : DeviceMemory(CPU)
{
    /// <inheritdoc/>
    public override FlatTensor Flat(long length, ScalarType type) => new HostFlatTensor(length, type, this);

    /// <inheritdoc/>
    public override Matrix Wrap(Tensor tensor) => new(tensor, this, (byte*)PointerTo(tensor));

    /// <summary>The address of the first element of a contiguous tensor, valid as long as its storage.</summary>
    public static nint PointerTo(Tensor tensor)
    {
        // One element's bytes, because the bytes of all may be more than a span can hold.
        using var line = tensor.view(-1);
        using var first = line.narrow(0, 0, 1);
        fixed (byte* pointer = first.bytes)
            return (nint)pointer;
    }
}

/// <summary>
/// Memory that only libtorch's operators reach: a card's, or in tests a processor's that is treated as one.
/// </summary>
internal sealed unsafe class TensorMemory(Device device) : DeviceMemory(device)
{
    /// <summary>Takes all calls of arithmetic and copying on this memory.</summary>
    public TorchOperators Operators { get; } = new();

    /// <inheritdoc/>
    public override FlatTensor Flat(long length, ScalarType type) => new DeviceFlatTensor(length, type, this);

    /// <inheritdoc/>
    public override Matrix Wrap(Tensor tensor) => new(tensor, this, null);
}

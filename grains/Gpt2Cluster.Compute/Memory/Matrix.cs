using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Memory;

/// <summary>
/// A row-major matrix on a replica's device: a torch tensor for the products, and on a CPU a pointer to the same memory
/// for our own kernels.
/// </summary>
internal sealed unsafe class Matrix : IDisposable
{
    private Tensor? transposed;

    /// <summary>Takes over a contiguous tensor of two dimensions.</summary>
    public Matrix(Tensor tensor)
    {
        tensor.DetachFromDisposeScope();
        Tensor = tensor;
        Rows = checked((int)tensor.shape[0]);
        Columns = checked((int)tensor.shape[1]);
        ElementBytes = checked((int)tensor.element_size());
        if (tensor.device_type == TorchSharp.DeviceType.CPU)
            Pointer = (byte*)TensorMemory.PointerTo(tensor);
    }

    /// <summary>The same memory as a tensor of two dimensions.</summary>
    public Tensor Tensor { get; }

    /// <summary>The tensor with its dimensions swapped.</summary>
    public Tensor Transposed => transposed ??= Tensor.t().DetachFromDisposeScope();

    /// <summary>How many rows it has.</summary>
    public int Rows { get; }

    /// <summary>How many columns it has: also the distance between rows.</summary>
    public int Columns { get; }

    /// <summary>Bytes of one element: 4 or 2.</summary>
    public int ElementBytes { get; }

    /// <summary>The first element; null unless the memory is a CPU's.</summary>
    public byte* Pointer { get; }

    /// <summary>The first element of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Row(int row) => Pointer + ((long)row * Columns * ElementBytes);

    /// <summary>A view of some rows; the caller disposes it.</summary>
    public Matrix SliceRows(int first, int count) => new(Tensor.narrow(0, first, count));

    /// <summary>Makes a matrix of undefined content.</summary>
    public static Matrix Allocate(int rows, int columns, ScalarType type, Device device) =>
        new(empty(rows, columns, type, device));

    /// <summary>Releases the tensors.</summary>
    public void Dispose()
    {
        transposed?.Dispose();
        Tensor.Dispose();
    }
}

using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Memory;

/// <summary>
/// A row-major matrix on a backend's device: a torch tensor for its operators, and in the processor's memory a pointer
/// for our own kernels.
/// </summary>
internal sealed unsafe class Matrix : IDisposable
{
    private Tensor? transposed;

    /// <summary>Takes over a contiguous tensor of two dimensions; see <see cref="DeviceMemory.Wrap"/>.</summary>
    public Matrix(Tensor tensor, DeviceMemory memory, byte* pointer)
    {
        tensor.DetachFromDisposeScope();
        Memory = memory;
        Tensor = tensor;
        Rows = checked((int)tensor.shape[0]);
        Columns = checked((int)tensor.shape[1]);
        ElementBytes = checked((int)tensor.element_size());
        Pointer = pointer;
    }

    /// <summary>Where it lies.</summary>
    public DeviceMemory Memory { get; }

    /// <summary>The same memory as a tensor of two dimensions.</summary>
    public Tensor Tensor { get; private set; }

    /// <summary>The tensor with its dimensions swapped.</summary>
    public Tensor Transposed => transposed ??= Tensor.t().DetachFromDisposeScope();

    /// <summary>How many rows it has.</summary>
    public int Rows { get; }

    /// <summary>How many columns it has: also the distance between rows.</summary>
    public int Columns { get; }

    /// <summary>Bytes of one element: 4, 2 or 1.</summary>
    public int ElementBytes { get; private set; }

    /// <summary>Bytes of all elements.</summary>
    public long Bytes => (long)Rows * Columns * ElementBytes;

    /// <summary>The first element; only kernels of the processor may follow it.</summary>
    public byte* Pointer { get; }

    /// <summary>The first element of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Row(int row) => Pointer + ((long)row * Columns * ElementBytes);

    /// <summary>A view of some rows; the caller disposes it.</summary>
    public Matrix SliceRows(int first, int count) => Memory.Wrap(Tensor.narrow(0, first, count));

    /// <summary>A matrix of undefined content in the same memory and type.</summary>
    public Matrix AllocateLike(int rows, int columns) => Memory.Matrix(rows, columns, Tensor.dtype);

    /// <summary>A copy in the same memory.</summary>
    public Matrix Copy()
    {
        using var scope = NewDisposeScope();
        return Memory.Wrap(Tensor.clone());
    }

    /// <summary>Takes over another tensor that lies in the same memory.</summary>
    public Matrix InSameMemory(Tensor tensor) => Memory.Wrap(tensor);

    /// <summary>
    /// Takes over a result of the same shape in place of what it held, which saves a copy. Nobody must hold views of
    /// it.
    /// </summary>
    /// <exception cref="InvalidOperationException">The shape is another, or kernels have its address.</exception>
    public void Become(Tensor result)
    {
        if (Pointer is not null || result.shape[0] != Rows || result.shape[1] != Columns)
            throw new InvalidOperationException("Only a device's matrix becomes another, and one of its shape.");
        Dispose();
        transposed = null;
        Tensor = result.DetachFromDisposeScope();
        ElementBytes = checked((int)result.element_size());
    }

    /// <summary>The same elements in another type: a copy, or a view where the type is the same.</summary>
    public Matrix As(ScalarType type)
    {
        using var scope = NewDisposeScope();
        return Memory.Wrap(type == Tensor.dtype ? Tensor.alias() : Tensor.to(type));
    }

    /// <summary>Releases the tensors.</summary>
    public void Dispose()
    {
        transposed?.Dispose();
        Tensor.Dispose();
    }
}

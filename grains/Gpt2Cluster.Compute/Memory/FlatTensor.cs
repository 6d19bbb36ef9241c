using System.Runtime.InteropServices;
using Gpt2Cluster.Core.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Memory;

/// <summary>
/// One flat tensor that holds all parameters, gradients or moments of a model, zeroed when made. On a CPU
/// <see cref="Buffer"/> is the same memory; on a GPU it is null and the elements are copied.
/// </summary>
internal sealed unsafe class FlatTensor : IDisposable
{
    /// <summary>Makes a flat tensor of <paramref name="length"/> elements.</summary>
    public FlatTensor(long length, ScalarType type, Device device)
    {
        Tensor = zeros(length, type, device).DetachFromDisposeScope();
        Length = length;
        if (device.type != TorchSharp.DeviceType.CPU)
            return;
        var elementType = type == ScalarType.BFloat16 ? ElementType.BFloat16 : ElementType.Float32;
        Buffer = new FlatBuffer((void*)TensorMemory.PointerTo(Tensor), length, elementType);
    }

    /// <summary>All elements, in one dimension.</summary>
    public Tensor Tensor { get; }

    /// <summary>How many elements there are.</summary>
    public long Length { get; }

    /// <summary>The same memory; null on a GPU.</summary>
    public FlatBuffer? Buffer { get; }

    /// <summary>A view of some elements as a matrix; the caller disposes it.</summary>
    public Matrix View(long start, int rows, int columns)
    {
        using var range = Tensor.narrow(0, start, (long)rows * columns);
        return new Matrix(range.view(rows, columns));
    }

    /// <summary>Copies fp32 elements out.</summary>
    public void Read(long start, Span<float> into)
    {
        if (Buffer is not null)
        {
            Buffer.Floats(start, into.Length).CopyTo(into);
            return;
        }

        using var range = Tensor.narrow(0, start, into.Length);
        using var host = range.cpu();
        MemoryMarshal.Cast<byte, float>(host.bytes).CopyTo(into);
    }

    /// <summary>Copies fp32 elements in.</summary>
    public void Write(long start, ReadOnlySpan<float> from)
    {
        if (Buffer is not null)
        {
            from.CopyTo(Buffer.Floats(start, from.Length));
            return;
        }

        using var host = empty(from.Length, ScalarType.Float32);
        from.CopyTo(MemoryMarshal.Cast<byte, float>(host.bytes));
        using var range = Tensor.narrow(0, start, from.Length);
        using var scope = NewDisposeScope();
        range.copy_(host);
    }

    /// <summary>Sets every element to zero.</summary>
    public void Clear()
    {
        using var scope = NewDisposeScope();
        Tensor.zero_();
    }

    /// <summary>Releases the memory; <see cref="Buffer"/> may not be used any more.</summary>
    public void Dispose()
    {
        Buffer?.Dispose();
        Tensor.Dispose();
    }
}

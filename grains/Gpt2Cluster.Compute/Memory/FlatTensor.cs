using System.Runtime.InteropServices;
using Gpt2Cluster.Compute.Torch;
using Gpt2Cluster.Core.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Memory;

/// <summary>One flat tensor that holds parameters, gradients or moments of a model, zeroed when made.</summary>
internal abstract class FlatTensor : IDisposable
{
    /// <summary>Makes a flat tensor of <paramref name="length"/> elements, 0 or more.</summary>
    protected FlatTensor(long length, ScalarType type, DeviceMemory memory)
    {
        Tensor = zeros(Math.Max(1, length), type, memory.Device).DetachFromDisposeScope();
        (Length, Memory) = (length, memory);
    }

    /// <summary>All elements, in one dimension.</summary>
    public Tensor Tensor { get; }

    /// <summary>How many elements there are.</summary>
    public long Length { get; }

    /// <summary>Where they lie.</summary>
    public DeviceMemory Memory { get; }

    /// <summary>The same memory as the processor sees it.</summary>
    /// <exception cref="InvalidOperationException">The processor does not reach it.</exception>
    public abstract FlatBuffer Buffer { get; }

    /// <summary>A view of some elements as a matrix; the caller disposes it.</summary>
    public Matrix View(long start, int rows, int columns)
    {
        using var range = Tensor.narrow(0, start, (long)rows * columns);
        return Memory.Wrap(range.view(rows, columns));
    }

    /// <summary>Copies elements out, as fp32.</summary>
    public abstract void Read(long start, Span<float> into);

    /// <summary>Copies fp32 elements in; they are rounded to the tensor's type, to nearest even.</summary>
    public abstract void Write(long start, ReadOnlySpan<float> from);

    /// <summary>Sets every element to zero.</summary>
    public void Clear()
    {
        using var scope = NewDisposeScope();
        Tensor.zero_();
    }

    /// <summary>Releases the memory.</summary>
    public virtual void Dispose() => Tensor.Dispose();
}

/// <summary>A flat tensor in the processor's memory.</summary>
internal sealed unsafe class HostFlatTensor : FlatTensor
{
    /// <summary>Makes one.</summary>
    public HostFlatTensor(long length, ScalarType type, HostMemory memory)
        : base(length, type, memory)
    {
        var elementType = type == ScalarType.BFloat16 ? ElementType.BFloat16 : ElementType.Float32;
        Buffer = new FlatBuffer((void*)HostMemory.PointerTo(Tensor), length, elementType);
    }

    /// <inheritdoc/>
    public override FlatBuffer Buffer { get; }

    /// <inheritdoc/>
    public override void Read(long start, Span<float> into)
    {
        if (Buffer.ElementType == ElementType.Float32)
            Buffer.Floats(start, into.Length).CopyTo(into);
        else
            Core.Reduction.VectorSum.Widen(Buffer.BFloat16Bits(start, into.Length), into);
    }

    /// <inheritdoc/>
    public override void Write(long start, ReadOnlySpan<float> from)
    {
        if (Buffer.ElementType == ElementType.Float32)
            from.CopyTo(Buffer.Floats(start, from.Length));
        else
            Model.Rounding.ToBFloat16(from, Buffer.BFloat16Bits(start, from.Length));
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        Buffer.Dispose();
        base.Dispose();
    }
}

/// <summary>A flat tensor on a device: its elements are copied.</summary>
internal sealed class DeviceFlatTensor : FlatTensor
{
    private readonly TorchOperators operators;

    /// <summary>Makes one.</summary>
    public DeviceFlatTensor(long length, ScalarType type, TensorMemory memory)
        : base(length, type, memory)
    {
        operators = memory.Operators;
    }

    /// <inheritdoc/>
    public override FlatBuffer Buffer =>
        throw new InvalidOperationException("The processor does not reach a device's memory.");

    /// <inheritdoc/>
    public override void Read(long start, Span<float> into)
    {
        using var scope = NewDisposeScope();
        var values = Tensor.narrow(0, start, into.Length);
        if (values.dtype != ScalarType.Float32)
            values = operators.Converted(values, ScalarType.Float32);
        operators.Read(values, into, HostRead.State);
    }

    /// <inheritdoc/>
    public override void Write(long start, ReadOnlySpan<float> from)
    {
        using var scope = NewDisposeScope();
        var host = empty(from.Length, ScalarType.Float32);
        from.CopyTo(MemoryMarshal.Cast<byte, float>(host.bytes));
        operators.Upload(host, Tensor.narrow(0, start, from.Length));
    }
}

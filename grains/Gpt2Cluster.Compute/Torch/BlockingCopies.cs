using System.Runtime.InteropServices;
using Gpt2Cluster.Core.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>Copies that the caller waits for, by libtorch's operators alone.</summary>
internal sealed class BlockingCopies(TorchOperators operators) : IHostCopies
{
    private const int CopiedElements = 1 << 28;

    /// <summary>Temporary memory of the host has no more.</summary>
    private const int BroughtElements = 1 << 27;

    /// <inheritdoc/>
    public void Put(ReadOnlySpan<int> tokens, Tensor into)
    {
        using var host = empty(tokens.Length, ScalarType.Int64);
        var values = MemoryMarshal.Cast<byte, long>(host.bytes);
        for (var index = 0; index < tokens.Length; index++)
            values[index] = tokens[index];
        operators.Upload(host, into);
    }

    /// <inheritdoc/>
    public FlatBuffer Allocate(long length, ElementType type) => FlatBuffer.Allocate(length, type);

    /// <inheritdoc/>
    public void Send(Tensor from, FlatBuffer into, long start, long end, Action arrived)
    {
        for (var first = start; first < end; first += CopiedElements)
        {
            using var scope = NewDisposeScope();
            var count = (int)Math.Min(CopiedElements, end - first);
            operators.Read(from.narrow(0, first, count), into, first, count, HostRead.Gradients);
        }

        arrived.Invoke();
    }

    /// <inheritdoc/>
    public void Abandon()
    {
    }

    /// <inheritdoc/>
    public void WaitForCopies()
    {
    }

    /// <inheritdoc/>
    public void Bring(FlatBuffer from, Tensor into, long start, long end)
    {
        var type = from.ElementType == ElementType.Float32 ? ScalarType.Float32 : ScalarType.BFloat16;
        for (var first = start; first < end; first += BroughtElements)
        {
            using var scope = NewDisposeScope();
            var count = (int)Math.Min(BroughtElements, end - first);
            using var host = empty(count, type);
            from.Bytes(first, count).CopyTo(host.bytes);
            operators.Upload(host, into.narrow(0, first, count));
        }
    }

    /// <inheritdoc/>
    public void Arrive()
    {
    }

    /// <inheritdoc/>
    public IDeviceCopy Keep(IReadOnlyList<Tensor> tensors) => new BlockingDeviceCopy(operators, tensors);

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}

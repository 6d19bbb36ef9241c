using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Memory;

/// <summary>Where a CPU tensor's elements lie.</summary>
internal static unsafe class TensorMemory
{
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

using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// Where a tensor's elements lie on its device. TorchSharp shows it of a processor's tensors only; its native library
/// has it of all.
/// </summary>
internal static partial class TensorAddress
{
    /// <summary>The address of the first element, valid as long as the storage.</summary>
    public static nint Of(Tensor tensor) => Data(tensor.Handle);

    [LibraryImport("LibTorchSharp", EntryPoint = "THSTensor_data")]
    private static partial nint Data(nint tensor);
}

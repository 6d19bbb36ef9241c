using Gpt2Cluster.Core.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>Brings sums of gradients from a device to the host.</summary>
internal interface IHostCopies : IDisposable
{
    /// <summary>Host memory to copy to.</summary>
    FlatBuffer Allocate(long length, ElementType type);

    /// <summary>
    /// Copies elements as they are once the device has computed all it was asked so far, behind earlier copies.
    /// </summary>
    /// <param name="from">A whole flat tensor; its elements must stay as they are until the copy has arrived.</param>
    /// <param name="into">Made by <see cref="Allocate"/>, of the same type.</param>
    /// <param name="start">The first element.</param>
    /// <param name="end">The element after the last.</param>
    /// <param name="arrived">Called when they are there, in the order of the calls, on any thread.</param>
    void Send(Tensor from, FlatBuffer into, long start, long end, Action arrived);

    /// <summary>Waits until nothing is under way.</summary>
    void Wait();

    /// <summary>Waits until everything has arrived.</summary>
    /// <exception cref="InvalidOperationException">A copy failed, or what was to be done with it.</exception>
    void Settle();
}

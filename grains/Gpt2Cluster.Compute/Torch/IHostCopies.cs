using Gpt2Cluster.Core.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// Copies between a device and the host: tokens go up, sums of gradients come down, and their averages go back. What a
/// checkpoint reads is kept on the device first.
/// </summary>
internal interface IHostCopies : IDisposable
{
    /// <summary>
    /// Copies tokens to the device before whatever it is asked next, behind what it was asked so far. The host's may
    /// change again when this returns.
    /// </summary>
    /// <param name="tokens">N tokens.</param>
    /// <param name="into">int64, (N), contiguous.</param>
    void Put(ReadOnlySpan<int> tokens, Tensor into);

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

    /// <summary>
    /// Waits until nothing is under way; what of it failed is forgotten, as the step it belonged to is given up.
    /// </summary>
    void Abandon();

    /// <summary>Waits until everything has arrived.</summary>
    /// <exception cref="InvalidOperationException">A copy failed, or what was to be done with it.</exception>
    void WaitForCopies();

    /// <summary>
    /// Copies elements of averages to the device, where they are once <see cref="Arrive"/> was called. The host's may
    /// change again when this returns.
    /// </summary>
    /// <param name="from">Any memory, fp32 or bf16.</param>
    /// <param name="into">A whole flat tensor, fp32; nobody else writes it until <see cref="Arrive"/>.</param>
    /// <param name="start">The first element.</param>
    /// <param name="end">The element after the last.</param>
    void Bring(FlatBuffer from, Tensor into, long start, long end);

    /// <summary>
    /// What the device is asked from now on finds what was brought. Also before the memory is given back: it may be
    /// another's at once.
    /// </summary>
    void Arrive();

    /// <summary>
    /// Copies tensors on the device, as they are once it has computed all it was asked so far; nothing goes to the host
    /// before it is read. The copy outlives these copies if it must.
    /// </summary>
    /// <param name="tensors">fp32, of one dimension, contiguous; one or more.</param>
    /// <exception cref="Exception">
    /// There is no memory for them: <see cref="Core.Devices.DeviceFailures"/> says so of it, and none is taken.
    /// </exception>
    IDeviceCopy Keep(IReadOnlyList<Tensor> tensors);
}

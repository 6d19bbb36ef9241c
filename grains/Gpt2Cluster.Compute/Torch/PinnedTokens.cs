using System.Runtime.InteropServices;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Core.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// Tokens that go up through two pinned slots: one is filled while the device may still read the other. The copies are
/// asked of the stream that computes, so that they lie between what it was asked before and after.
/// </summary>
internal sealed unsafe class PinnedTokens(ICopyDriver driver) : IDisposable
{
    private const int TokenBytes = sizeof(long);

    /// <summary>fp32 elements of pinned memory that a token takes.</summary>
    private const int TokenElements = TokenBytes / sizeof(float);

    private readonly FlatBuffer?[] slots = new FlatBuffer?[2];
    private readonly nint[] marks = [driver.NewEvent(), driver.NewEvent()]; // Behind each slot's last copy.
    private long putCount;

    /// <summary>Asks for the copy of tokens, N, to int64 on the device, (N).</summary>
    public void Put(ReadOnlySpan<int> tokens, Tensor into)
    {
        var slot = putCount % slots.Length;
        if (putCount >= slots.Length)
            driver.HostWait(marks[slot]);
        var values = Slot(slot, tokens.Length);
        var wide = MemoryMarshal.Cast<byte, long>(values.Bytes(0, tokens.Length * TokenElements));
        for (var index = 0; index < tokens.Length; index++)
            wide[index] = tokens[index];
        driver.CopyToDevice(
            TensorAddress.Of(into), values.Pointer, (long)tokens.Length * TokenBytes, ICopyDriver.Arithmetic);
        driver.Record(marks[slot], ICopyDriver.Arithmetic);
        putCount++;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (var slot = 0; slot < slots.Length; slot++)
        {
            var mark = marks[slot];
            if (putCount > slot)
                Releasing.After(() => driver.HostWait(mark));
            slots[slot]?.Dispose();
        }
    }

    private FlatBuffer Slot(long slot, int tokenCount)
    {
        if (slots[slot] is { } large && large.Length >= (long)tokenCount * TokenElements)
            return large;
        slots[slot]?.Dispose();
        slots[slot] = null; // There may be no memory for the larger one.
        return slots[slot] = driver.Pinned((long)tokenCount * TokenElements, ElementType.Float32);
    }
}

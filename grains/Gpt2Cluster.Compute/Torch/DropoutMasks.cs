using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Randomness;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// Dropout's multipliers made on the device: Philox 4x32-10 on int64 tensors, from the counters of a
/// <see cref="RandomStream"/>, bit for bit what the host draws from them.
/// </summary>
internal sealed class DropoutMasks(TorchOperators operators)
{
    private const long Word = 0xFFFFFFFF;

    // Counters at a time, so that a mask's integers take no more than some hundred megabytes.
    private const long MostCounters = CardMemoryEstimate.MostMaskCounters;

    /// <summary>The multipliers of all elements of a matrix, in its shape and type.</summary>
    public Tensor Of(Dropout dropout, Matrix like)
    {
        var count = (long)like.Rows * like.Columns;
        var counters = (count + 3) / 4;
        var keep = (float)(1 / (1 - dropout.Probability));
        var threshold = RandomStream.DropThreshold(dropout.Probability);
        var result = empty(counters * 4, like.Tensor.dtype, like.Tensor.device);
        for (var first = 0L; first < counters; first += MostCounters)
        {
            using var scope = NewDisposeScope();
            var some = Math.Min(MostCounters, counters - first);
            var words = Draw(dropout.Stream.Address, first, some, like.Tensor.device); // (counters, 4)
            operators.Scaled(
                operators.AtLeast(words, threshold), keep, result.narrow(0, first * 4, some * 4).view(-1, 4));
        }

        return result.narrow(0, 0, count).view(like.Rows, like.Columns);
    }

    private Tensor Draw((ulong Key, RandomWords Counter) address, long first, long count, Device device)
    {
        var (key0, key1) = ((uint)address.Key, (uint)(address.Key >> 32));
        var c0 = operators.Counted(first, count, device);
        var c1 = Constant(address.Counter.W1);
        var c2 = Constant(address.Counter.W2);
        var c3 = Constant(address.Counter.W3);
        for (var round = 0; round < Philox.Rounds; round++)
        {
            var (high0, low0) = Multiply(c0, Philox.Multiplier0);
            var (high1, low1) = Multiply(c2, Philox.Multiplier1);
            operators.ExclusiveOr(high1, c1, key0);
            operators.ExclusiveOr(high0, c3, key1);
            (c0, c1, c2, c3) = (high1, low1, high0, low0);
            key0 += Philox.Weyl0;
            key1 += Philox.Weyl1;
        }

        return operators.Stacked([c0, c1, c2, c3]);

        Tensor Constant(uint value) => TorchOperators.Constant(value, device, count);
    }

    // The product of two words wraps in 64 bits with the right lower word, and a shift fills in the sign, masked off.
    private (Tensor High, Tensor Low) Multiply(Tensor words, uint factor)
    {
        var product = operators.IntegerProduct(words, factor);
        var high = operators.UpperWord(product, Word);
        operators.Mask(product, Word);
        return (high, product);
    }
}

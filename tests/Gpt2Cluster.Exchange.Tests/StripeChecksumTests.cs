using CsCheck;
using Gpt2Cluster.Exchange.Frames;

namespace Gpt2Cluster.Exchange.Tests;

public sealed class StripeChecksumTests
{
    private const int MaxBlocks = 40;

    [Fact]
    public void PiecesDoNotMatter() =>
        (from bytes in Gen.Byte.Array[0, MaxBlocks * StripeChecksum.BlockBytes]
         from block in Gen.Int[0, MaxBlocks]
         select (bytes, block)).Sample(sample =>
        {
            var cut = Math.Min(sample.block * StripeChecksum.BlockBytes, sample.bytes.Length);
            var pieces = new StripeChecksum();
            pieces.Append(sample.bytes.AsSpan(0, cut));
            if (cut < sample.bytes.Length)
                pieces.Append(sample.bytes.AsSpan(cut));
            return pieces.Value() == Checksum(sample.bytes);
        });

    [Fact]
    public void EveryFlippedBitShows() =>
        (from bytes in Gen.Byte.Array[1, MaxBlocks * StripeChecksum.BlockBytes]
         from place in Gen.Int[0, (8 * bytes.Length) - 1]
         select (bytes, place)).Sample(sample =>
        {
            var before = Checksum(sample.bytes);
            sample.bytes[sample.place / 8] ^= (byte)(1 << (sample.place % 8));
            return before != Checksum(sample.bytes);
        });

    [Fact]
    public void ExchangedBlocksAndMissingZerosShow()
    {
        var bytes = new byte[4 * StripeChecksum.BlockBytes];
        bytes[0] = 1;
        bytes[StripeChecksum.BlockBytes] = 2;
        var before = Checksum(bytes);
        (bytes[0], bytes[StripeChecksum.BlockBytes]) = (bytes[StripeChecksum.BlockBytes], bytes[0]);
        Assert.NotEqual(before, Checksum(bytes));
        var zeros = new byte[2 * StripeChecksum.BlockBytes];
        Assert.NotEqual(Checksum(zeros[StripeChecksum.BlockBytes..]), Checksum(zeros));
    }

    private static ulong Checksum(byte[] bytes)
    {
        var checksum = new StripeChecksum();
        checksum.Append(bytes);
        return checksum.Value();
    }
}

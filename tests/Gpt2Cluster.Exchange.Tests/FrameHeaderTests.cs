using CsCheck;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Exchange.Frames;

namespace Gpt2Cluster.Exchange.Tests;

public sealed class FrameHeaderTests
{
    private static readonly Gen<FrameHeader> Headers =
        from run in Gen.ULong
        from numbers in Gen.Int.Array[5]
        from step in Gen.Long
        select new FrameHeader(
            FrameKind.Average, ElementType.BFloat16, run, numbers[0], step, numbers[1],
            new Subtree(numbers[2], numbers[3]), numbers[4]);

    [Fact]
    public void ReadsWhatWasWritten() => Headers.Sample(header =>
    {
        var bytes = new byte[FrameHeader.SizeBytes];
        header.Write(bytes);
        return FrameHeader.Read(bytes) == header;
    });

    [Fact]
    public void EveryFlippedBitIsRefused() =>
        Gen.Select(Headers, Gen.Int[0, (8 * FrameHeader.SizeBytes) - 1]).Sample((header, place) =>
        {
            var bytes = new byte[FrameHeader.SizeBytes];
            header.Write(bytes);
            bytes[place / 8] ^= (byte)(1 << (place % 8));
            Assert.Throws<FrameFaultException>(() => FrameHeader.Read(bytes));
        });
}

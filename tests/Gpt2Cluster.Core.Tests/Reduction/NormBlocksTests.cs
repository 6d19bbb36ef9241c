using CsCheck;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Tests.Reduction;

public sealed class NormBlocksTests
{
    /// <summary>fp64 sums of at most 1,000 positive terms differ by far less than this, relatively.</summary>
    private const double RelativeTolerance = 1e-12;

    [Fact]
    public void A_block_is_summed_in_sixteen_lanes_whatever_the_machine() =>
        Gen.Int[0, 1000].SelectMany(Floats.OfLength).Sample(block =>
            Assert.Equal(
                BitConverter.DoubleToInt64Bits(SixteenLanes(block)),
                BitConverter.DoubleToInt64Bits(NormBlocks.SumOfSquares(block))));

    [Fact]
    public void A_block_is_close_to_the_plain_sum() =>
        Gen.Int[0, 1000].SelectMany(Floats.OfLength).Sample(block =>
        {
            var plain = block.Sum(value => (double)value * value);
            Assert.Equal(plain, NormBlocks.SumOfSquares(block), plain * RelativeTolerance);
        });

    [Fact]
    public void Blocks_are_added_in_order()
    {
        Assert.Equal(5.0, NormBlocks.Norm([9.0, 16.0]));
        Assert.Equal(0.0, NormBlocks.Norm([]));
        Assert.Equal(Math.Sqrt((1.0 + 1e30) - 1e30), NormBlocks.Norm([1.0, 1e30, -1e30]));
        Assert.Equal(1.0, NormBlocks.Norm([1e30, -1e30, 1.0]));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(65_536, 1)]
    [InlineData(65_537, 2)]
    [InlineData(124_439_808, 1_899)]
    public void Blocks_cover_the_gradient(long elements, int blocks) =>
        Assert.Equal(blocks, NormBlocks.BlockCount(elements));

    [Fact]
    public void A_block_that_is_too_long_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => NormBlocks.SumOfSquares(new float[65_537]));

    [Fact]
    public void A_NaN_or_an_infinity_shows_in_the_norm()
    {
        Assert.True(double.IsNaN(NormBlocks.Norm([NormBlocks.SumOfSquares([1f, float.NaN])])));
        Assert.True(double.IsInfinity(NormBlocks.Norm([NormBlocks.SumOfSquares([float.NegativeInfinity])])));
    }

    private static double SixteenLanes(float[] block)
    {
        var lanes = new double[16];
        for (var index = 0; index < block.Length; index++)
            lanes[index % 16] += (double)block[index] * block[index];
        return Pairs(lanes);
    }

    private static double Pairs(double[] lanes)
    {
        var half = lanes.Length / 2;
        return half == 0
            ? lanes[0]
            : Pairs([.. Enumerable.Range(0, half).Select(lane => lanes[lane] + lanes[lane + half])]);
    }
}

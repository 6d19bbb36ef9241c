using CsCheck;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Tests.Reduction;

public sealed class VectorSumTests
{
    private static readonly Gen<(float[] Left, float[] Right)> Pairs =
        Gen.Int[0, 70].SelectMany(count => Gen.Select(Floats.OfLength(count), Floats.OfLength(count)));

    [Fact]
    public void Adds_like_a_scalar_loop() => Pairs.Sample((left, right) =>
    {
        var sum = new float[left.Length];
        VectorSum.Add(left, right, sum);
        AssertBits(left.Zip(right, (a, b) => a + b), sum);
    });

    [Fact]
    public void Adds_in_place_into_the_left_operand() => Pairs.Sample((left, right) =>
    {
        var expected = left.Zip(right, (a, b) => a + b).ToArray();
        VectorSum.Add(left, right, left);
        AssertBits(expected, left);
    });

    [Fact]
    public void Adds_bf16_as_the_fp32_numbers_it_stands_for() => Pairs.Sample((left, right) =>
    {
        var (leftBits, rightBits) = (Floats.ToBFloat16Bits(left), Floats.ToBFloat16Bits(right));
        var sum = new float[left.Length];
        VectorSum.Add(left, rightBits, sum);
        AssertBits(left.Zip(rightBits, (a, b) => a + Floats.FromBFloat16Bits(b)), sum);
        VectorSum.Add(leftBits, rightBits, sum);
        AssertBits(leftBits.Zip(rightBits, (a, b) => Floats.FromBFloat16Bits(a) + Floats.FromBFloat16Bits(b)), sum);
        VectorSum.Widen(leftBits, sum);
        AssertBits(leftBits.Select(Floats.FromBFloat16Bits), sum);
    });

    [Fact]
    public void Divides_truly() => Gen.Select(Gen.Int[0, 70].SelectMany(Floats.OfLength), Gen.Int[1, 40]).Sample(
        (values, leafCount) =>
        {
            var expected = values.Select(value => value / leafCount).ToArray();
            VectorSum.Divide(values, leafCount);
            AssertBits(expected, values);
        });

    [Fact]
    public void Division_is_not_multiplication_by_the_reciprocal()
    {
        float[] values = [5f];
        VectorSum.Divide(values, 3);
        Assert.Equal(5f / 3f, values[0]);
        Assert.NotEqual(5f * (1f / 3f), values[0]);
    }

    [Fact]
    public void Lengths_must_agree()
    {
        Assert.Throws<ArgumentException>(() => VectorSum.Add(new float[2], new float[3], new float[3]));
        Assert.Throws<ArgumentException>(() => VectorSum.Add(new float[3], new ushort[2], new float[3]));
        Assert.Throws<ArgumentException>(() => VectorSum.Widen(new ushort[2], new float[3]));
    }

    private static void AssertBits(IEnumerable<float> expected, float[] actual) =>
        Assert.Equal(expected.Select(Floats.Bits), actual.Select(Floats.Bits));
}

using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Kernels;

namespace Gpt2Cluster.Compute.Tests;

public sealed class VectorMathTests
{
    // About one and a half units in the last place of fp32.
    private const double RelativeTolerance = 2e-7;

    [Fact]
    public void Exponentials_are_right_to_the_last_places()
    {
        for (var x = -87f; x < 88; x += 0.0137f)
        {
            var expected = Math.Exp(x);
            var actual = VectorMath.Exp(Vector256.Create(x))[3];
            Assert.True(Math.Abs(actual - expected) <= RelativeTolerance * expected, $"exp({x}) was {actual}");
        }
    }

    [Fact]
    public void Exponentials_out_of_range_are_clamped()
    {
        Assert.InRange(VectorMath.Exp(Vector256.Create(-1000f))[0], 0, 1.3e-38f);
        Assert.InRange(VectorMath.Exp(Vector256.Create(1000f))[0], 1e38f, float.MaxValue);
    }
}

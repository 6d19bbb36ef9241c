using CsCheck;
using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Core.Tests.Model;

public sealed class WeightInitializationTests
{
    private static readonly ParameterLayout Layout = new(new ModelShape(300, 64, 48, 4, 3));

    // A standard deviation over 2,304 weights or more: five of its own standard deviations.
    private const double RelativeTolerance = 5 / 67.0;

    [Fact]
    public void Every_tensor_has_its_standard_deviation()
    {
        var all = All();
        foreach (var slice in Layout.Slices)
        {
            var values = all.AsSpan((int)slice.Start, (int)slice.Length).ToArray();
            if (!slice.Decays)
            {
                var expectedValue = slice.Name.EndsWith("bias", StringComparison.Ordinal) ? 0 : 1;
                Assert.All(values, value => Assert.Equal(expectedValue, value));
                continue;
            }

            var expected = slice.Name == "wpe.weight" ? 0.01
                : slice.Name.EndsWith("c_proj.weight", StringComparison.Ordinal) ? 0.02 / Math.Sqrt(6) : 0.02;
            var deviation = Math.Sqrt(values.Average(value => (double)value * value));
            Assert.InRange(deviation / expected, 1 - RelativeTolerance, 1 + RelativeTolerance);
        }
    }

    [Fact]
    public void Any_range_alone_equals_the_same_range_of_the_whole()
    {
        var all = All();
        Gen.Select(Gen.Int[0, all.Length - 1], Gen.Int[0, 5000]).Sample((start, count) =>
        {
            var part = new float[Math.Min(count, all.Length - start)];
            WeightInitialization.Fill(Layout, 5, start, part);
            Assert.Equal(all[start..(start + part.Length)], part);
        }, iter: 50);
    }

    private static float[] All()
    {
        var all = new float[Layout.Length];
        WeightInitialization.Fill(Layout, 5, 0, all);
        return all;
    }
}

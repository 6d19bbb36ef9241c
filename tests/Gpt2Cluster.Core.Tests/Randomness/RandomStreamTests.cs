using CsCheck;
using Gpt2Cluster.Core.Randomness;

namespace Gpt2Cluster.Core.Tests.Randomness;

public sealed class RandomStreamTests
{
    // Five standard deviations of a mean over this many draws: a fixed seed either passes for ever or never.
    private const int Draws = 100_000;
    private const double MeanTolerance = 5 / 316.0;

    [Fact]
    public void Every_part_of_the_key_changes_the_numbers()
    {
        RandomStream[] streams =
        [
            new(1, RandomPurpose.Dropout, 1, 1, 1, 1),
            new(2, RandomPurpose.Dropout, 1, 1, 1, 1),
            new(1, RandomPurpose.Noise, 1, 1, 1, 1),
            new(1, RandomPurpose.Dropout, 2, 1, 1, 1),
            new(1, RandomPurpose.Dropout, 1, 2, 1, 1),
            new(1, RandomPurpose.Dropout, 1, 1, 2, 1),
            new(1, RandomPurpose.Dropout, 1, 1, 1, 2),
        ];
        Assert.Equal(streams.Length, streams.Select(stream => stream.Bits(5)).Distinct().Count());
    }

    [Fact]
    public void Masks_drawn_in_any_ranges_equal_those_drawn_one_by_one() =>
        Gen.Select(Gen.Int[0, 50], Gen.Int[0, 70], Gen.Double[0, 0.99]).Sample((start, count, probability) =>
        {
            var stream = new RandomStream(3, RandomPurpose.Dropout, 4, 5, 6, 2);
            var filled = new float[count];
            stream.FillKeepMultipliers(filled, start, probability);
            for (var index = 0; index < count; index++)
            {
                var kept = stream.Bits(start + index) >= (uint)Math.Round(probability * 4294967296.0);
                Assert.Equal(kept ? (float)(1 / (1 - probability)) : 0, filled[index]);
            }
        });

    [Fact]
    public void Masks_keep_the_mean()
    {
        var mask = new float[Draws];
        new RandomStream(1, RandomPurpose.Dropout).FillKeepMultipliers(mask, 0, 0.3);
        Assert.Equal(1, mask.Average(), MeanTolerance);
        Assert.Equal(0.3, mask.Count(value => value == 0) / (double)Draws, MeanTolerance);
    }

    [Fact]
    public void Numbers_are_spread_evenly()
    {
        var stream = new RandomStream(9, RandomPurpose.Sampling);
        var counts = new int[10];
        for (var position = 0; position < Draws; position++)
        {
            counts[stream.Below(position, 10)]++;
            Assert.InRange(stream.Unit(position), 0, 1 - (1 / 16777216.0));
            Assert.InRange(stream.UnitDouble(position), 0, 1 - 1e-16);
        }

        Assert.All(counts, count => Assert.Equal(0.1, count / (double)Draws, MeanTolerance));
    }

    [Fact]
    public void Normal_numbers_have_the_moments_of_the_distribution()
    {
        var values = new float[Draws];
        NormalDistribution.Fill(new RandomStream(2, RandomPurpose.Weights), values, 0, 2);
        double Moment(int power) => values.Average(value => Math.Pow(value / 2.0, power));
        Assert.Equal(0, Moment(1), MeanTolerance);
        Assert.Equal(1, Moment(2), 2 * MeanTolerance);
        Assert.Equal(0, Moment(3), 4 * MeanTolerance);
        Assert.Equal(3, Moment(4), 10 * MeanTolerance);
    }

    [Fact]
    public void Normal_numbers_do_not_depend_on_where_a_range_begins()
    {
        var stream = new RandomStream(2, RandomPurpose.Weights);
        var all = new float[40];
        NormalDistribution.Fill(stream, all, 0, 1);
        Gen.Select(Gen.Int[0, 39], Gen.Int[0, 40]).Where((start, count) => start + count <= 40).Sample((start, count) =>
        {
            var part = new float[count];
            NormalDistribution.Fill(stream, part, start, 1);
            Assert.Equal(all[start..(start + count)], part);
        });
    }

    /// <summary>Box and Muller with the machine's own functions: equal to the last bits of fp32.</summary>
    [Fact]
    public void Normal_numbers_are_those_of_Box_and_Muller()
    {
        var stream = new RandomStream(11, RandomPurpose.Weights);
        var values = new float[4000];
        NormalDistribution.Fill(stream, values, 0, 1);
        for (var pair = 0; pair < values.Length; pair += 2)
        {
            var radius = Math.Sqrt(-2 * Math.Log((stream.Bits(pair) + 0.5) / 4294967296.0));
            var angle = 2 * Math.PI * (stream.Bits(pair + 1) / 4294967296.0);
            Assert.Equal((float)(radius * Math.Cos(angle)), values[pair], 1e-6);
            Assert.Equal((float)(radius * Math.Sin(angle)), values[pair + 1], 1e-6);
        }
    }
}

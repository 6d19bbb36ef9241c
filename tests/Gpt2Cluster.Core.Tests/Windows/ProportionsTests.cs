using CsCheck;
using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Core.Tests.Windows;

public sealed class ProportionsTests
{
    [Theory]
    [InlineData("3 1", 3, 1)]
    [InlineData("0.75 0.25", 3, 1)]
    [InlineData("30 10.0", 3, 1)]
    [InlineData("0.333 0.667", 333, 667)]
    [InlineData("7", 1)]
    [InlineData("1.5 2 2.25", 6, 8, 9)]
    public void Decimals_become_the_smallest_whole_numbers(string proportions, params int[] whole) =>
        Assert.Equal(whole.Select(one => (long)one), Proportions.Whole([.. proportions.Split(' ').Select(Number)]));

    [Fact]
    public void Whole_numbers_stand_as_the_proportions_do() =>
        Gen.Select(Gen.Int[1, 999], Gen.Int[0, 2]).Array[1, 6].Sample(parts =>
        {
            decimal[] proportions = [.. parts.Select(part => new decimal(part.Item1, 0, 0, false, (byte)part.Item2))];
            var whole = Proportions.Whole(proportions);
            for (var index = 0; index < whole.Count; index++)
                Assert.Equal(proportions[0] * whole[index], proportions[index] * whole[0]);
        });

    [Theory]
    [InlineData("1000000 1")]
    [InlineData("0.3333333 0.6666667")]
    [InlineData("79228162514264337593543950335 0.0000000000000000000000000001")]
    public void Proportions_that_are_too_fine_are_bad_input(string proportions) =>
        Assert.Contains("fewer digits", Assert.Throws<UserErrorException>(() =>
            Proportions.Whole([.. proportions.Split(' ').Select(Number)])).Message);

    private static decimal Number(string text) =>
        decimal.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}

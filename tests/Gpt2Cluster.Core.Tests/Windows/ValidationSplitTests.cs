using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Core.Tests.Windows;

public sealed class ValidationSplitTests
{
    [Theory]
    [InlineData(20 * 8, 152, 8)] // 159 targets in windows of 8 are 20 windows
    [InlineData((19 * 8) + 1, 153, 0)] // 19 windows
    [InlineData(338_025, 321_124, 16_901)]
    public void By_default_a_twentieth_of_a_long_corpus_validates(long tokens, long training, long validation) =>
        Assert.Equal(new ValidationSplit(training, validation), ValidationSplit.Of(tokens, 8, null));

    [Fact]
    public void Zero_turns_validation_off() =>
        Assert.Equal(new ValidationSplit(1000, 0), ValidationSplit.Of(1000, 8, 0));

    [Fact]
    public void A_fraction_is_taken_from_any_corpus() =>
        Assert.Equal(new ValidationSplit(6, 4), ValidationSplit.Of(10, 8, 0.4));

    [Theory]
    [InlineData(1.0)]
    [InlineData(-0.1)]
    [InlineData(double.NaN)]
    public void A_fraction_out_of_range_is_bad_input(double fraction) =>
        Assert.Contains("--val-split", Assert.Throws<UserErrorException>(
            () => ValidationSplit.Of(100, 8, fraction)).Message);

    [Theory]
    [InlineData(10, 0.1)]
    [InlineData(10, 0.95)]
    public void A_part_of_fewer_than_two_tokens_is_bad_input(long tokens, double fraction) =>
        Assert.Contains("fewer than 2 tokens", Assert.Throws<UserErrorException>(
            () => ValidationSplit.Of(tokens, 8, fraction)).Message);
}

using Gpt2Cluster.Client.Output;

namespace Gpt2Cluster.Client.Tests.Output;

public sealed class FormatsTests
{
    [Theory]
    [InlineData(0, "0:00")]
    [InlineData(59.4, "0:59")]
    [InlineData(59.6, "1:00")]
    [InlineData(3599, "59:59")]
    [InlineData(3723, "1:02:03")]
    [InlineData(360000, "100:00:00")]
    [InlineData(double.NaN, "-")]
    [InlineData(double.PositiveInfinity, "-")]
    [InlineData(-1, "-")]
    [InlineData(1e300, "-")]
    public void Durations(double seconds, string text) => Assert.Equal(text, Formats.Duration(seconds));

    [Theory]
    [InlineData(12, "12 B")]
    [InlineData(1200, "1.2 kB")]
    [InlineData(1.26e6, "1.3 MB")]
    [InlineData(2.5e9, "2.5 GB")]
    public void Sizes(double bytes, string text) => Assert.Equal(text, Formats.Bytes(bytes));

    [Theory]
    [InlineData(1, "1 worker")]
    [InlineData(0, "0 workers")]
    [InlineData(1234, "1,234 workers")]
    public void Counts_of_things(long count, string text) => Assert.Equal(text, Formats.Several(count, "worker"));

    [Theory]
    [InlineData(5e-5, "5.00e-05")]
    [InlineData(0, "0.00e00")]
    public void Learning_rates(double rate, string text) => Assert.Equal(text, Formats.Rate(rate));
}

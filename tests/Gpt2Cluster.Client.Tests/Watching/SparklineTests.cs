using CsCheck;
using Gpt2Cluster.Client.Watching;

namespace Gpt2Cluster.Client.Tests.Watching;

public sealed class SparklineTests
{
    [Fact]
    public void A_falling_loss_falls()
    {
        double[] losses = [10, 9, 8, 7, 6, 5, 4, 3];
        Assert.Equal("█▇▆▅▄▃▂▁", Sparkline.Of(losses, 8));
        Assert.Equal("█▆▃▁", Sparkline.Of(losses, 4));
    }

    [Fact]
    public void An_even_loss_is_even_and_none_is_empty()
    {
        Assert.Equal("", Sparkline.Of([], 8));
        Assert.Equal("▁▁", Sparkline.Of([3, 3], 8));
    }

    [Fact]
    public void A_line_has_a_bar_for_each_point_or_as_many_as_it_is_wide() =>
        Gen.Select(Gen.Int[0, 300], Gen.Int[1, 80]).Sample((count, width) =>
            Sparkline.Of([.. Enumerable.Range(0, count).Select(step => Math.Sin(step))], width).Length
                == Math.Min(width, count));
}

using CsCheck;
using Gpt2Cluster.Client.Watching.Views;

namespace Gpt2Cluster.Client.Tests.Watching.Views;

public sealed class LossHistoryTests
{
    [Fact]
    public void A_falling_loss_falls()
    {
        var history = new LossHistory();
        for (var step = 0; step < 8; step++)
            history.Add(10 - step);
        Assert.Equal("█▇▆▅▄▃▂▁", history.Sparkline(8));
        Assert.Equal("█▆▃▁", history.Sparkline(4));
    }

    [Fact]
    public void An_even_loss_is_even_and_none_is_empty()
    {
        var history = new LossHistory();
        Assert.Equal("", history.Sparkline(8));
        history.Add(3);
        history.Add(3);
        history.Add(double.NaN);
        Assert.Equal("▁▁", history.Sparkline(8));
    }

    [Fact]
    public void Any_number_of_losses_takes_bounded_memory_and_a_bounded_line() =>
        Gen.Select(Gen.Int[0, 20_000], Gen.Int[1, 80]).Sample((count, width) =>
        {
            var history = new LossHistory();
            for (var step = 0; step < count; step++)
                history.Add(Math.Sin(step));
            return history.Count <= LossHistory.Capacity
                && history.Sparkline(width).Length == Math.Min(width, history.Count)
                && (count == 0 || history.Count > 0);
        }, iter: 50);
}

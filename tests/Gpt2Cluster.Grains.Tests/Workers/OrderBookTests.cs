using Gpt2Cluster.Grains.Workers;

namespace Gpt2Cluster.Grains.Tests.Workers;

public sealed class OrderBookTests
{
    private readonly OrderBook orders = new();
    private int answered;

    [Fact]
    public void An_order_under_way_is_not_begun_again()
    {
        Assert.True(orders.IsNew("step 1"));
        Assert.False(orders.IsNew("step 1"));
        Assert.Equal(0, answered);
    }

    [Fact]
    public void An_order_that_is_done_is_answered_again()
    {
        Assert.True(orders.IsNew("step 1"));
        orders.Answer("step 1", () => answered++);
        Assert.False(orders.IsNew("step 1"));
        Assert.Equal(2, answered);
    }

    [Fact]
    public void A_forgotten_order_is_tried_again()
    {
        Assert.True(orders.IsNew("step 1"));
        orders.Forget("step 1");
        Assert.True(orders.IsNew("step 1"));
    }

    [Fact]
    public void Old_answers_are_dropped_and_what_is_under_way_is_not()
    {
        Assert.True(orders.IsNew("checkpoint 0"));
        for (var step = 0; step < 1000; step++)
        {
            Assert.True(orders.IsNew($"step {step}"));
            orders.Answer($"step {step}", () => answered++);
        }

        Assert.False(orders.IsNew("checkpoint 0"));
        Assert.False(orders.IsNew("step 999"));
        Assert.True(orders.IsNew("step 0"));
    }

    [Fact]
    public void A_forgotten_order_that_is_tried_again_is_not_dropped_early()
    {
        orders.IsNew("checkpoint 0");
        orders.Answer("checkpoint 0", () => answered++);
        orders.Forget("checkpoint 0");
        orders.IsNew("checkpoint 0");
        for (var step = 0; step < 100; step++)
        {
            orders.IsNew($"step {step}");
            orders.Answer($"step {step}", () => answered++);
        }

        Assert.False(orders.IsNew("checkpoint 0"));
    }
}

using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Workers;

namespace Gpt2Cluster.Core.Tests.Workers;

public sealed class OrderDeduplicatorTests
{
    private static readonly CoordinatorInput Done = new Ticked();
    private static readonly OrderKey Saving = new(nameof(WriteCheckpoint), 0, 0);

    private readonly OrderDeduplicator orders = new();

    [Fact]
    public void An_order_under_way_is_not_begun_again()
    {
        Assert.True(orders.IsNew(Step(1), out _));
        Assert.False(orders.IsNew(Step(1), out var answer));
        Assert.Null(answer);
    }

    [Fact]
    public void An_order_that_is_done_is_answered_again()
    {
        Assert.True(orders.IsNew(Step(1), out _));
        orders.Answer(Step(1), Done);
        Assert.False(orders.IsNew(Step(1), out var answer));
        Assert.Same(Done, answer);
    }

    [Fact]
    public void A_forgotten_order_is_tried_again()
    {
        Assert.True(orders.IsNew(Step(1), out _));
        orders.Forget(Step(1));
        Assert.True(orders.IsNew(Step(1), out _));
    }

    [Fact]
    public void Old_answers_are_dropped_and_what_is_under_way_is_not()
    {
        Assert.True(orders.IsNew(Saving, out _));
        for (var step = 0; step < 1000; step++)
        {
            Assert.True(orders.IsNew(Step(step), out _));
            orders.Answer(Step(step), Done);
        }

        Assert.False(orders.IsNew(Saving, out _));
        Assert.False(orders.IsNew(Step(999), out _));
        Assert.True(orders.IsNew(Step(0), out _));
    }

    [Fact]
    public void A_forgotten_order_that_is_tried_again_is_not_dropped_early()
    {
        orders.IsNew(Saving, out _);
        orders.Answer(Saving, Done);
        orders.Forget(Saving);
        orders.IsNew(Saving, out _);
        for (var step = 0; step < 100; step++)
        {
            orders.IsNew(Step(step), out _);
            orders.Answer(Step(step), Done);
        }

        Assert.False(orders.IsNew(Saving, out _));
    }

    private static OrderKey Step(long step) => new(nameof(PlanStep), 1, step);
}

using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Tests.Reduction;

public sealed class HeldSubtreesTests
{
    private readonly HeldSubtrees held = new(new ReductionTree(4));

    [Fact]
    public void The_last_leaf_to_arrive_starts_a_chain_of_additions()
    {
        Assert.True(held.Offer(new Subtree(1, 1), out _));
        Assert.True(held.Offer(new Subtree(0, 1), out var none));
        Assert.Empty(none);
        Assert.True(held.Offer(new Subtree(0, 0), out var additions));
        Assert.Equal(
            [
                new Addition(new Subtree(0, 0), new Subtree(0, 1), new Subtree(1, 0)),
                new Addition(new Subtree(1, 0), new Subtree(1, 1), new Subtree(2, 0)),
            ],
            additions);
        Assert.True(held.IsComplete);
    }

    [Fact]
    public void A_repeat_and_a_part_of_what_is_here_are_not_needed()
    {
        Assert.True(held.Offer(new Subtree(1, 0), out _));
        Assert.False(held.Offer(new Subtree(1, 0), out _));
        Assert.False(held.Offer(new Subtree(0, 1), out var additions));
        Assert.Empty(additions);
    }

    [Fact]
    public void A_larger_sum_supersedes_its_parts()
    {
        Assert.True(held.Offer(new Subtree(0, 1), out _));
        Assert.True(held.Offer(new Subtree(1, 0), out var additions));
        Assert.Empty(additions);
        Assert.Equal([new Subtree(1, 0)], held.Held);
    }
}

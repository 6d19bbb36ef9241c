using CsCheck;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Tests.Reduction;

public sealed class FoldPlanTests
{
    [Fact]
    public void Eight_leaves_fold_like_a_binary_counter()
    {
        var plan = FoldPlan.For(new ReductionTree(8), 0, 8);
        Assert.Equal([new Subtree(3, 0)], plan.Contributions);
        Assert.Equal((3, 2), (plan.BufferCount, plan.MaxHeld));
        Assert.Equal(
            [">0:0.0", "0>0:1.0", ">1:0.2", "10>0:2.0", ">1:0.4", "1>1:1.2", ">2:0.6", "210>0:3.0"],
            plan.Steps.Select(step => $"{string.Concat(step.Addends)}>{step.Target}:{step.Result}"));
    }

    [Fact]
    public void One_leaf_of_one_is_the_root_at_once()
    {
        var step = Assert.Single(FoldPlan.For(new ReductionTree(1), 0, 1).Steps);
        Assert.Equal((0, 0, new Subtree(0, 0), true), (step.Leaf, step.Target, step.Result, step.IsContribution));
        Assert.Empty(step.Addends);
    }

    [Fact]
    public void A_worker_without_leaves_has_nothing_to_do()
    {
        var plan = FoldPlan.For(new ReductionTree(4), 2, 2);
        Assert.Empty(plan.Steps);
        Assert.Equal(0, plan.BufferCount);
    }

    [Fact]
    public void An_unaligned_range_contributes_each_part_from_a_buffer_of_its_own()
    {
        var plan = FoldPlan.For(new ReductionTree(8), 1, 6);
        Assert.Equal([new Subtree(0, 1), new Subtree(1, 1), new Subtree(1, 2)], plan.Contributions);
        Assert.Equal([0, 1, 1, 2, 2], plan.Steps.Select(step => step.Target));
        Assert.Equal([true, false, true, false, true], plan.Steps.Select(step => step.IsContribution));
    }

    [Fact]
    public void A_finished_contribution_is_never_written_again() =>
        Gen.Select(Gen.Int[1, 40], Gen.Int[0, 40], Gen.Int[0, 40]).Sample((leafCount, a, b) =>
        {
            var (first, end) = (Math.Min(Math.Min(a, b), leafCount), Math.Min(Math.Max(a, b), leafCount));
            var plan = FoldPlan.For(new ReductionTree(leafCount), first, end);
            var finished = new List<int>();
            foreach (var step in plan.Steps)
            {
                Assert.DoesNotContain(step.Target, finished);
                Assert.Equal(step.Target, step.Addends.LastOrDefault(step.Target));
                if (step.IsContribution)
                    finished.Add(step.Target);
            }

            Assert.Equal(Enumerable.Range(0, plan.Contributions.Count), finished);
        });

    [Fact]
    public void Buffers_grow_with_the_level_not_with_the_leaves() =>
        Gen.Int[1, 200].Sample(leafCount =>
        {
            var tree = new ReductionTree(leafCount);
            Assert.True(FoldPlan.For(tree, 0, leafCount).BufferCount <= Math.Max(1, tree.Root.Level));
        });
}

using CsCheck;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Tests.Reduction;

public sealed class FoldPlanTests
{
    [Fact]
    public void Eight_leaves_fold_like_a_binary_counter()
    {
        var plan = FoldPlan.For(new ReductionTree(8), [new(0, 8)]);
        Assert.Equal([new Subtree(3, 0)], plan.Contributions);
        Assert.Equal(2, plan.HeldCount);
        Assert.Equal(
            [
                ">sum0:0.0", "sum0>sum0:1.0", ">held0:0.2", "held0sum0>sum0:2.0",
                ">held0:0.4", "held0>held0:1.2", ">held1:0.6", "held1held0sum0>sum0:3.0",
            ],
            plan.Steps.Select(step => $"{string.Concat(step.Addends)}>{step.Target}:{step.Result}"));
    }

    [Fact]
    public void One_leaf_of_one_is_the_root_at_once()
    {
        var step = Assert.Single(FoldPlan.For(new ReductionTree(1), [new(0, 1)]).Steps);
        Assert.Equal((0, "sum0", new Subtree(0, 0)), (step.Leaf, step.Target.ToString(), step.Result));
        Assert.True(step.IsContribution);
        Assert.Empty(step.Addends);
    }

    [Fact]
    public void A_worker_without_leaves_has_nothing_to_do()
    {
        var plan = FoldPlan.For(new ReductionTree(4), [new(2, 2)]);
        Assert.Empty(plan.Steps);
        Assert.Empty(plan.Contributions);
    }

    [Fact]
    public void An_unaligned_range_contributes_each_part_from_a_buffer_of_its_own()
    {
        var plan = FoldPlan.For(new ReductionTree(8), [new(1, 6)]);
        Assert.Equal([new Subtree(0, 1), new Subtree(1, 1), new Subtree(1, 2)], plan.Contributions);
        Assert.Equal(
            ["sum0", "sum1", "sum1", "sum2", "sum2"], plan.Steps.Select(step => step.Target.ToString()));
        Assert.Equal([true, false, true, false, true], plan.Steps.Select(step => step.IsContribution));
    }

    [Fact]
    public void A_finished_contribution_is_never_written_again() =>
        Ranges.OfTree.Sample((leafCount, ranges) =>
        {
            var plan = FoldPlan.For(new ReductionTree(leafCount), ranges);
            var finished = new List<FoldBuffer>();
            foreach (var step in plan.Steps)
            {
                Assert.DoesNotContain(step.Target, finished);
                Assert.Equal(step.Target, step.Addends.LastOrDefault(step.Target));
                if (step.IsContribution)
                    finished.Add(step.Target);
            }

            Assert.Equal(plan.Contributions.Select((_, index) => new FoldBuffer(false, index)), finished);
        });

    [Fact]
    public void A_longer_list_of_ranges_begins_with_the_same_steps() =>
        Ranges.OfTree.Sample((leafCount, ranges) =>
        {
            var tree = new ReductionTree(leafCount);
            var whole = Lines(FoldPlan.For(tree, ranges));
            for (var count = 0; count < ranges.Count; count++)
            {
                var before = Lines(FoldPlan.For(tree, ranges.Take(count)));
                Assert.Equal(before, whole.Take(before.Count));
            }
        });

    [Fact]
    public void Buffers_grow_with_the_level_not_with_the_leaves() =>
        Gen.Int[1, 200].Sample(leafCount =>
        {
            var tree = new ReductionTree(leafCount);
            Assert.True(FoldPlan.For(tree, [new(0, leafCount)]).HeldCount <= Math.Max(0, tree.Root.Level - 1));
        });

    private static List<string> Lines(FoldPlan plan) =>
    [
        .. plan.Steps.Select(step =>
            $"{step.Leaf}: {string.Concat(step.Addends)}>{step.Target}:{step.Result} {step.IsContribution}"),
    ];
}

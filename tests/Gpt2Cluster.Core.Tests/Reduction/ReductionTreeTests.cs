using CsCheck;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Tests.Reduction;

public sealed class ReductionTreeTests
{
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(4, 2)]
    [InlineData(5, 3)]
    [InlineData(8, 3)]
    [InlineData(9, 4)]
    public void The_root_is_the_lowest_node_over_all_leaves(int leafCount, int level) =>
        Assert.Equal(new Subtree(level, 0), new ReductionTree(leafCount).Root);

    [Fact]
    public void A_tree_needs_a_leaf() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReductionTree(0));

    [Fact]
    public void A_passed_through_leaf_goes_by_its_highest_name()
    {
        var tree = new ReductionTree(5);
        Assert.Equal(new Subtree(2, 1), tree.Leaf(4));
        Assert.Equal(new Subtree(2, 1), tree.Normalize(new Subtree(1, 2)));
        Assert.Equal(new Subtree(0, 3), tree.Leaf(3));
        Assert.Null(tree.Children(new Subtree(2, 1)));
    }

    [Fact]
    public void The_sibling_of_a_passed_through_leaf_is_the_sum_of_all_others()
    {
        var tree = new ReductionTree(5);
        Assert.Equal(new Subtree(2, 0), tree.Sibling(tree.Leaf(4)));
        Assert.Equal(new Subtree(2, 1), tree.Sibling(new Subtree(2, 0)));
        Assert.Equal(tree.Root, tree.Parent(tree.Leaf(4)));
        Assert.Null(tree.Sibling(tree.Root));
        Assert.Null(tree.Parent(tree.Root));
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(3, 0)]
    [InlineData(4, 0)]
    [InlineData(-1, 0)]
    [InlineData(0, -1)]
    public void A_node_without_leaves_is_refused(int level, int index) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReductionTree(4).Normalize(new Subtree(level, index)));

    [Fact]
    public void A_range_is_covered_by_the_largest_subtrees_in_leaf_order()
    {
        var tree = new ReductionTree(7);
        Assert.Equal([new Subtree(0, 1), new Subtree(1, 1)], tree.CoverRange(1, 4));
        Assert.Equal([new Subtree(2, 1)], tree.CoverRange(4, 7));
        Assert.Equal([tree.Root], tree.CoverRange(0, 7));
        Assert.Empty(tree.CoverRange(3, 3));
    }

    [Fact]
    public void A_range_outside_the_tree_is_refused()
    {
        var tree = new ReductionTree(4);
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.CoverRange(-1, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.CoverRange(2, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.CoverRange(2, 1));
    }

    [Fact]
    public void A_cover_is_canonical_complete_and_cannot_be_coarser() =>
        Gen.Select(Gen.Int[1, 40], Gen.Int[0, 40], Gen.Int[0, 40]).Sample((leafCount, a, b) =>
        {
            var tree = new ReductionTree(leafCount);
            var (first, end) = (Math.Min(Math.Min(a, b), leafCount), Math.Min(Math.Max(a, b), leafCount));
            var cover = tree.CoverRange(first, end);
            Assert.Equal(
                Enumerable.Range(first, end - first),
                cover.SelectMany(node => Enumerable.Range(node.FirstLeaf, node.EndLeaf(leafCount) - node.FirstLeaf)));
            Assert.All(cover, node => Assert.Equal(node, tree.Normalize(node)));
            Assert.All(cover, node => Assert.False(
                tree.Parent(node) is { } parent && parent.FirstLeaf >= first && parent.EndLeaf(leafCount) <= end));
        });

    [Fact]
    public void Parent_children_and_sibling_agree_for_every_node() =>
        Gen.Int[1, 40].Sample(leafCount =>
        {
            var tree = new ReductionTree(leafCount);
            var waiting = new Stack<Subtree>([tree.Root]);
            var leaves = 0;
            while (waiting.TryPop(out var node))
            {
                Assert.Equal(node, tree.Normalize(node));
                if (tree.Children(node) is not var (left, right))
                {
                    leaves++;
                    continue;
                }

                Assert.Equal((node, node), (tree.Parent(left), tree.Parent(right)));
                Assert.Equal((right, left), (tree.Sibling(left), tree.Sibling(right)));
                waiting.Push(left);
                waiting.Push(right);
            }

            Assert.Equal(leafCount, leaves);
        });
}

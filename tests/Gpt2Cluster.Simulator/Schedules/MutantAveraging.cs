using Gpt2Cluster.Core.Averaging;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Simulator.Schedules;

/// <summary>The product's averaging protocol, with a mistake where a mutant has one there.</summary>
internal static class MutantAveraging
{
    /// <summary>The protocol.</summary>
    public static AveragingProtocol Of(Mutant mutant, StripeLayout layout) => mutant switch
    {
        Mutant.BreaksSilently => new Deaf(layout),
        Mutant.RunningSum => new AveragingProtocol(layout, tree => new ArrivalOrder(tree)),
        _ => new AveragingProtocol(layout),
    };

    private sealed class Deaf(StripeLayout layout) : AveragingProtocol(layout)
    {
        public override void OnLinkUp(ExchangeMember peer)
        {
        }

        public override void OnLinkLost(SiloName peer, long connection)
        {
        }
    }

    /// <summary>Adds the larger of two sums that are here first: which are here depends on what came before.</summary>
    private sealed class ArrivalOrder(ReductionTree tree) : HeldSubtrees(tree)
    {
        private readonly ReductionTree tree = tree;

        public override bool Offer(Subtree subtree, out IReadOnlyList<Addition> additions)
        {
            if (!base.Offer(subtree, out additions))
                return false;
            if (additions.Count < 2)
                return true;
            var (node, first, second) = (tree.Normalize(subtree), additions[0], additions[1]);
            var near = first.Left == node ? first.Right : first.Left;
            var far = second.Left == first.Parent ? second.Right : second.Left;
            additions =
            [
                new Addition(node, far, first.Parent),
                new Addition(first.Parent, near, second.Parent),
                .. additions.Skip(2),
            ];
            return true;
        }
    }
}

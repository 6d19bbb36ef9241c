using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Averaging;

/// <summary>
/// What <see cref="AveragingProtocol"/> wants done, in this order. Silos are named by their places in the membership.
/// </summary>
public abstract record AveragingEffect;

/// <summary>Memory is needed for a plan, for the sums of several workers, and for its step if that is new.</summary>
public sealed record OpenPlan(Position Plan, IReadOnlyList<Subtree> SiloSums) : AveragingEffect;

/// <summary>No sum of the plan is to be read any more; what was received of them is given back.</summary>
public sealed record RetireSums(Position Plan) : AveragingEffect;

/// <summary>The step's averages are not to be read or written any more.</summary>
public sealed record RetireAverages(long Step) : AveragingEffect;

/// <summary>
/// Tell a silo where the run stands here; again if this connection has said so, for the silo then sends all it has.
/// </summary>
public sealed record Announce(int Silo, Position Position, bool Again) : AveragingEffect;

/// <summary>Forget what waits to be sent to a silo.</summary>
public sealed record ClearQueue(int Silo) : AveragingEffect;

/// <summary>Send a stripe of a sum to its reducer.</summary>
public sealed record SendSum(int Silo, Position Plan, int Stripe, Subtree Subtree) : AveragingEffect;

/// <summary>Send a stripe of the average.</summary>
public sealed record SendAverage(int Silo, long Step, int Stripe) : AveragingEffect;

/// <summary>
/// Add two sums, which are not needed afterwards, or take the root alone, where there is no right one; then tell
/// <see cref="AveragingProtocol.OnStripeAveraged"/> or <see cref="AveragingProtocol.OnSumMade"/>.
/// </summary>
public sealed record Reduce(
    Position Plan, int Stripe, Subtree Left, Subtree? Right, Subtree Sum, ReductionTarget Target) : AveragingEffect;

/// <summary>A sum that was received or made is not needed.</summary>
public sealed record Discard(Position Plan, int Stripe, Subtree Subtree) : AveragingEffect;

/// <summary>A sum of this silo, alone and with M = 1, is the step's average as it stands.</summary>
public sealed record AdoptSum(Position Plan, Subtree Subtree) : AveragingEffect;

/// <summary>What a silo that is no member any more has half sent of an average would hold it up for ever.</summary>
public sealed record Interrupt(SiloName Peer) : AveragingEffect;

/// <summary>Every stripe of the step's average is here.</summary>
public sealed record Complete(long Step) : AveragingEffect;

/// <summary>What a reduction makes.</summary>
public enum ReductionTarget
{
    /// <summary>A sum that waits here for its sibling.</summary>
    Term,

    /// <summary>One of <see cref="OpenPlan.SiloSums"/>, for the silo that reduces the stripe.</summary>
    SiloSum,

    /// <summary>The average: the sum is divided by M.</summary>
    Average,
}

using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Averaging;

/// <summary>
/// What <see cref="AveragingProtocol"/> wants done, in this order. Silos are named by their places in the membership.
/// </summary>
public abstract record AveragingEffect;

/// <summary>Memory for a plan's sums is needed, and for its step's averages if there is none.</summary>
/// <param name="Plan">The plan.</param>
/// <param name="SiloSums">What this silo adds up before it sends anything of it.</param>
public sealed record OpenPlan(Position Plan, IReadOnlyList<Subtree> SiloSums) : AveragingEffect;

/// <summary>No sum of the plan is to be read any more; what was received of them is given back.</summary>
/// <param name="Plan">The plan.</param>
public sealed record RetireSums(Position Plan) : AveragingEffect;

/// <summary>The step's averages are not to be read or written any more.</summary>
/// <param name="Step">The step.</param>
public sealed record RetireAverages(long Step) : AveragingEffect;

/// <summary>Tell a silo where the run stands here.</summary>
/// <param name="Silo">The silo.</param>
/// <param name="Position">Where.</param>
/// <param name="Again">
/// Whether also if this connection has said so already: the silo then sends all it has again.
/// </param>
public sealed record Announce(int Silo, Position Position, bool Again) : AveragingEffect;

/// <summary>Forget what waits to be sent to a silo.</summary>
/// <param name="Silo">The silo.</param>
public sealed record ClearQueue(int Silo) : AveragingEffect;

/// <summary>Send a stripe of a sum to its reducer.</summary>
/// <param name="Silo">The silo.</param>
/// <param name="Plan">Whose sum it is.</param>
/// <param name="Stripe">The stripe.</param>
/// <param name="Subtree">Which sum.</param>
public sealed record SendSum(int Silo, Position Plan, int Stripe, Subtree Subtree) : AveragingEffect;

/// <summary>Send a stripe of the average.</summary>
/// <param name="Silo">The silo.</param>
/// <param name="Step">The step.</param>
/// <param name="Stripe">The stripe.</param>
public sealed record SendAverage(int Silo, long Step, int Stripe) : AveragingEffect;

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

/// <summary>
/// Add two sums, which are not needed afterwards; then <see cref="AveragingProtocol.OnReduced"/> is told.
/// </summary>
/// <param name="Plan">Whose sums they are.</param>
/// <param name="Stripe">The stripe.</param>
/// <param name="Left">The first term.</param>
/// <param name="Right">The second term; null if the first is the root, to be divided.</param>
/// <param name="Sum">What they make.</param>
/// <param name="Target">Where that goes.</param>
public sealed record Reduce(
    Position Plan, int Stripe, Subtree Left, Subtree? Right, Subtree Sum, ReductionTarget Target) : AveragingEffect;

/// <summary>A sum that was received or made is not needed.</summary>
/// <param name="Plan">Whose sum it is.</param>
/// <param name="Stripe">The stripe.</param>
/// <param name="Subtree">Which sum.</param>
public sealed record Discard(Position Plan, int Stripe, Subtree Subtree) : AveragingEffect;

/// <summary>A sum of this silo, alone and with M = 1, is the step's average as it stands.</summary>
/// <param name="Plan">Whose sum it is.</param>
/// <param name="Subtree">Which sum.</param>
public sealed record AdoptSum(Position Plan, Subtree Subtree) : AveragingEffect;

/// <summary>What a silo that is no member any more has half sent of an average would hold it up for ever.</summary>
/// <param name="Peer">The silo's name.</param>
public sealed record Interrupt(string Peer) : AveragingEffect;

/// <summary>Every stripe of the step's average is here.</summary>
/// <param name="Step">The step.</param>
public sealed record Complete(long Step) : AveragingEffect;

using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Averaging;

/// <summary>
/// What a silo knows of one step: the sums of its newest plan, and which stripes of the average are here. A newer
/// generation plans the step again and begins new sums; averages stay.
/// </summary>
public sealed class AveragedStep
{
    private readonly Position begun;

    internal AveragedStep(PlannedSums sums, ReductionTree tree, StripeStates states) =>
        (begun, Plan, Sums, Tree, States) = (sums.Plan, sums.Plan, sums, tree, states);

    /// <summary>The step's number.</summary>
    public long Step => Plan.Step;

    /// <summary>How many stripes' averages are not here yet.</summary>
    public int MissingCount => States.MissingCount;

    /// <summary>Whether a worker's buffer is the average as it stands (one silo, M = 1).</summary>
    public bool IsAdopted { get; private set; }

    /// <summary>The order of summation.</summary>
    public ReductionTree Tree { get; }

    internal StripeStates States { get; }

    /// <summary>Its newest plan.</summary>
    internal Position Plan { get; private set; }

    /// <summary>The sums of that plan; null once they are out of use.</summary>
    internal PlannedSums? Sums { get; private set; }

    /// <summary>Whether the stripe's average is here.</summary>
    public bool IsAveraged(int stripe) => States.IsAveraged(stripe);

    /// <summary>Whether a plan is, or was, one of this step.</summary>
    internal bool Includes(Position plan) => plan.Step == Step && !begun.IsAfter(plan);

    internal void PlanAgain(PlannedSums sums) => (Plan, Sums) = (sums.Plan, sums);

    internal void Withdraw() => Sums = null;

    internal void Adopt()
    {
        IsAdopted = true;
        States.SetComplete();
    }
}

using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Averaging;

/// <summary>
/// The sums of one plan on this silo: those its workers contribute, and what is added to what. Of stripes that this
/// silo reduces it adds all silos' sums up to the root; of others those that its workers complete together, so that one
/// sum leaves instead of one a worker.
/// </summary>
/// <param name="planned">The plan.</param>
/// <param name="locals">What the workers contribute.</param>
/// <param name="newTerms">Begins a stripe's additions; whether this silo reduces it.</param>
internal sealed class PlannedSums(PlannedStep planned, LocalSums locals, Func<int, bool, StripeTerms> newTerms)
{
    private readonly Dictionary<int, StripeTerms> terms = [];

    /// <summary>The plan.</summary>
    public Position Plan => planned.Plan;

    /// <summary>What the workers contribute.</summary>
    public LocalSums Locals => locals;

    /// <summary>What waits of a stripe; null if nothing ever has.</summary>
    public StripeTerms? Find(int stripe) => terms.GetValueOrDefault(stripe);

    /// <summary>
    /// The additions of a stripe whose average is not here. Until <see cref="Remove"/>, who reduces it stays the same.
    /// </summary>
    public StripeTerms Of(int stripe, bool isOwn)
    {
        if (!terms.TryGetValue(stripe, out var waiting))
            terms.Add(stripe, waiting = newTerms(stripe, isOwn));
        return waiting;
    }

    /// <summary>Whether a worker's sum is a part of one that is added up before it is sent.</summary>
    public bool IsPart(Subtree node)
    {
        foreach (var whole in planned.SiloSums)
        {
            if (whole != node && planned.Tree.Contains(whole, node))
                return true;
        }

        return false;
    }

    /// <summary>What waits to be added is not needed any more.</summary>
    public void Remove(int stripe)
    {
        if (terms.Remove(stripe, out var waiting))
            waiting.Clear();
    }
}

using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Core.Averaging;

/// <summary>Which stripes of a step's average are here, and who writes the others: one at a time.</summary>
internal sealed class StripeStates(int stripeCount)
{
    private readonly State[] states = new State[stripeCount];
    private readonly SiloName[] senders = new SiloName[stripeCount];

    private enum State : byte
    {
        Missing,
        Arriving,
        Reducing,
        Averaged,
    }

    /// <summary>How many stripes are not here yet.</summary>
    public int MissingCount { get; private set; } = stripeCount;

    /// <summary>The silos that have half sent a stripe.</summary>
    public IEnumerable<SiloName> Senders => senders.Where((_, stripe) => states[stripe] == State.Arriving);

    /// <summary>Whether a stripe is here.</summary>
    public bool IsAveraged(int stripe) => states[stripe] == State.Averaged;

    /// <summary>Whether nobody writes a stripe.</summary>
    public bool IsMissing(int stripe) => states[stripe] == State.Missing;

    /// <summary>A stripe is received from now on; false if it is here or written already.</summary>
    public bool TryReceive(int stripe, SiloName sender)
    {
        if (!IsMissing(stripe))
            return false;
        (states[stripe], senders[stripe]) = (State.Arriving, sender);
        return true;
    }

    /// <summary>A stripe was not received.</summary>
    public void Lose(int stripe) => states[stripe] = State.Missing;

    /// <summary>A stripe is made here from now on.</summary>
    public void Reduce(int stripe) => states[stripe] = State.Reducing;

    /// <summary>What was to be made here and is not, is not going to be.</summary>
    public void LoseReductions()
    {
        for (var stripe = 0; stripe < states.Length; stripe++)
        {
            if (states[stripe] == State.Reducing)
                states[stripe] = State.Missing;
        }
    }

    /// <summary>A stripe is here.</summary>
    public void SetAveraged(int stripe)
    {
        states[stripe] = State.Averaged;
        MissingCount--;
    }

    /// <summary>Nothing is missing any more.</summary>
    public void SetComplete() => MissingCount = 0;
}

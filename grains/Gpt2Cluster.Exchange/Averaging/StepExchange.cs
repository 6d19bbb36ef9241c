using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>All that one step's averaging holds on one silo.</summary>
internal sealed class StepExchange
{
    private const int Missing = 0;
    private const int Claimed = 1;
    private const int Averaged = 2;

    private readonly int[] states;
    private readonly StripeReduction?[] reductions;
    private PlannedSums sums;
    private FlatBuffer? averages;
    private int missingCount;
    private bool isWatched;
    private long sentBytes;
    private long receivedBytes;

    /// <summary>Makes the books of a step; no memory of stripe size is taken yet.</summary>
    public StepExchange(long step, PlannedSums sums, StripeLayout layout, ReductionTree tree, StripePool pool)
    {
        Step = step;
        Layout = layout;
        Tree = tree;
        Pool = pool;
        this.sums = sums;
        states = new int[layout.StripeCount];
        reductions = new StripeReduction?[layout.StripeCount];
        missingCount = layout.StripeCount;
    }

    /// <summary>The step's number.</summary>
    public long Step { get; }

    /// <summary>How the gradient is cut.</summary>
    public StripeLayout Layout { get; }

    /// <summary>The order of summation.</summary>
    public ReductionTree Tree { get; }

    /// <summary>Where sums under way live.</summary>
    public StripePool Pool { get; }

    /// <summary>What this silo's workers contribute under the newest plan.</summary>
    public PlannedSums Sums => Volatile.Read(ref sums);

    /// <summary>Held by whoever reads or writes the averages of this step.</summary>
    public Lease AveragesUse { get; } = new();

    /// <summary>Whether every stripe's average is here.</summary>
    public bool IsComplete => MissingCount == 0;

    /// <summary>How many stripes' averages are not here yet.</summary>
    public int MissingCount => Volatile.Read(ref missingCount);

    /// <summary>Whether somebody who waits wants to know of each stripe.</summary>
    public bool IsWatched { get => Volatile.Read(ref isWatched); set => Volatile.Write(ref isWatched, value); }

    /// <summary>The averaged gradient.</summary>
    public FlatBuffer Averages => averages ?? throw new InvalidOperationException("The step has no averages yet.");

    /// <summary>Payload bytes so far.</summary>
    public ExchangeFigures Figures => new(Volatile.Read(ref sentBytes), Volatile.Read(ref receivedBytes));

    /// <summary>Counts payload bytes that went out.</summary>
    public void CountSent(int bytes) => Interlocked.Add(ref sentBytes, bytes);

    /// <summary>Counts payload bytes that came in.</summary>
    public void CountReceived(int bytes) => Interlocked.Add(ref receivedBytes, bytes);

    /// <summary>The memory of a stripe's average.</summary>
    public Span<float> AverageOf(int stripe)
    {
        var range = Layout.Range(stripe);
        return Averages.Floats(range.Start, range.Count);
    }

    /// <summary>Whether the stripe's average is here.</summary>
    public bool IsAveraged(int stripe) => Volatile.Read(ref states[stripe]) == Averaged;

    /// <summary>Takes the right to write the stripe's average; one writer at a time, none once it is here.</summary>
    public bool TryClaim(int stripe) => Interlocked.CompareExchange(ref states[stripe], Claimed, Missing) == Missing;

    /// <summary>Gives the right back after a write that failed.</summary>
    public void Unclaim(int stripe) => Volatile.Write(ref states[stripe], Missing);

    /// <summary>The average of a claimed stripe is written.</summary>
    /// <returns>Whether it was the last one.</returns>
    public bool MarkAveraged(int stripe)
    {
        Volatile.Write(ref states[stripe], Averaged);
        return Interlocked.Decrement(ref missingCount) == 0;
    }

    /// <summary>Whether there is memory for averages, or an alias of it.</summary>
    public bool HasAverages => averages is not null;

    /// <summary>Whether the averages are a worker's buffer.</summary>
    public bool IsAlias { get; private set; }

    /// <summary>Gives the memory of the averages; its content is undefined.</summary>
    public void Provide(FlatBuffer memory) => averages = memory;

    /// <summary>A worker's buffer is the average as it stands (one silo, M = 1).</summary>
    public void Alias(FlatBuffer whole)
    {
        averages = whole;
        IsAlias = true;
        Volatile.Write(ref missingCount, 0);
    }

    /// <summary>The sums of a stripe, made at first use.</summary>
    public StripeReduction Reduction(int stripe)
    {
        ref var place = ref reductions[stripe];
        if (Volatile.Read(ref place) is { } reduction)
            return reduction;
        var made = new StripeReduction(this, stripe);
        return Interlocked.CompareExchange(ref place, made, null) ?? made;
    }

    /// <summary>The sums of a stripe, if any were offered.</summary>
    public StripeReduction? ReductionOrNull(int stripe) => Volatile.Read(ref reductions[stripe]);

    /// <summary>The step is planned again; the sums of the plan before are released. Averages stay.</summary>
    public void PlanAgain(PlannedSums planned) => Volatile.Write(ref sums, planned);

    /// <summary>
    /// Forgets all sums and gives their pooled memory back. Nobody may be in the lease of <see cref="Sums"/>.
    /// </summary>
    public void ReleaseSums()
    {
        foreach (var reduction in reductions)
            reduction?.Clear();
        Sums.Fold.Clear();
    }
}

using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Exchange.Averaging;
using Gpt2Cluster.Exchange.Frames;
using Gpt2Cluster.Exchange.Links;

namespace Gpt2Cluster.Exchange;

/// <summary>The averaging of one run on one silo.</summary>
/// <remarks>
/// <para>Who may send what when: a silo announces (Ready) the generation and step it stands at to all others, on
/// every new membership, step and connection, and when a connection from another broke. A silo sends the stripes of a
/// step only to those that announced its own generation and that step; and whenever an announcement arrives it queues
/// for its sender all it holds of that step. So nothing of a step or generation that the receiver has not begun is ever
/// under way, frames wait at their source by reference, and whatever was lost is sent again. Repeats are harmless, so
/// this cannot go wrong by sending too much. It does not stall, because both sides of every pair announce every state
/// they reach, and because an average that is half way here from a silo that is no member any more gives up its place:
/// its present reducer is asked again.</para>
/// <para>Locks: <c>beginGate</c> before <c>gate</c> before those of queues, links and stripes; no lock is held while a
/// socket is used or a lease is waited for, except <c>beginGate</c>.</para>
/// </remarks>
internal sealed partial class RunExchange : IRunExchange
{
    private readonly StripeChannel channel;
    private readonly string name;
    private readonly StripeLayout layout;
    private readonly Lock beginGate = new();
    private readonly object gate = new();
    private readonly Dictionary<string, PeerStanding> readyPeers = [];
    private readonly List<FlatBuffer> ownAverages = [];
    private readonly List<FlatBuffer> ownSums = []; // of several workers; written under one plan at a time
    private readonly LocalReducer reducer;
    private ExchangeMembership? membership;
    private OutgoingLink?[] links = [];
    private StepExchange? current;
    private StepExchange? previous;
    private int generation = -1;
    private bool disposed;

    /// <summary>Opens the run; it does nothing before <see cref="Configure"/>.</summary>
    public RunExchange(StripeChannel channel, string name, StripeLayout layout)
    {
        this.channel = channel;
        this.name = name;
        this.layout = layout;
        Key = FrameHeader.RunKey(name);
        reducer = new LocalReducer(channel, name, Reduce);
    }

    /// <summary>The run's name.</summary>
    public string Name => name;

    /// <summary>What stands for the run's name in frames.</summary>
    public ulong Key { get; }

    /// <summary>The generation and step this silo stands at.</summary>
    public (int Generation, long Step) Standing
    {
        get
        {
            lock (gate)
            {
                return (membership?.Generation ?? -1, current?.Step ?? 0);
            }
        }
    }

    /// <summary>The generation this silo stands at; -1 before the first.</summary>
    public int Generation => Volatile.Read(ref generation);

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The membership changes M while a step is open.</exception>
    public void Configure(ExchangeMembership membership)
    {
        ArgumentNullException.ThrowIfNull(membership);
        OutgoingLink?[] replaced;
        Lease?[] averages;
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (membership.Generation < this.membership?.Generation)
                return;
            if (current is not null && membership.LeafCount != current.Tree.LeafCount)
                throw new InvalidOperationException($"Run {name} has M = {current.Tree.LeafCount} for all its life.");
            replaced = links;
            this.membership = membership;
            Volatile.Write(ref generation, membership.Generation);
            links = Connect(membership);
            if (current is { HasAverages: false } && membership.Silos.Count > 1)
                current.Provide(TakeAverages());
            Redistribute();
            averages = [current?.AveragesUse, previous?.AveragesUse];
        }

        // A silo that is no member any more may be frozen in the middle of an average.
        channel.BreakReceptions(averages, membership.Silos.Select(silo => silo.SiloName).ToHashSet());
        foreach (var link in replaced)
        {
            if (link is null)
                continue;
            if (!membership.Silos.Contains(link.Peer))
                link.RemoveFrames(this);
            channel.Release(link);
        }

        AnnounceToAll();
    }

    /// <inheritdoc/>
    public void BeginStep(long step, int generation, IReadOnlyList<LeafRange> siloRanges)
    {
        ArgumentNullException.ThrowIfNull(siloRanges);
        bool isAgain;
        lock (beginGate)
        {
            StepExchange? begun;
            lock (gate)
            {
                ObjectDisposedException.ThrowIf(disposed, this);
                if (current is { } known && (known.Sums.Generation, known.Step).CompareTo((generation, step)) >= 0)
                    return;
                begun = current;
            }

            // What others sent for the new plan may have been taken for a repeat of the old one's sums, or have come
            // while these were released: those who have it are asked again.
            isAgain = begun?.Step == step;
            ReserveSums(siloRanges);
            if (isAgain && begun is { IsAlias: false })
                PlanAgain(begun, generation, siloRanges);
            else
                TurnTo(step, generation, siloRanges, begun);
        }

        AnnounceToAll(isAgain);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The step was not begun on this silo.</exception>
    public void Contribute(long step, int generation, Subtree subtree, FlatBuffer sums, long start, long end)
    {
        ArgumentNullException.ThrowIfNull(sums);
        if (sums.Length < layout.ElementCount)
        {
            var message = $"The buffer has {sums.Length} of {layout.ElementCount} elements.";
            throw new ArgumentException(message, nameof(sums));
        }

        var ready = new List<int>();
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            var begun = (current?.Sums.Generation ?? -1, current?.Step ?? 0);
            if ((generation, step).CompareTo(begun) > 0)
            {
                throw new InvalidOperationException(
                    $"Run {name} has not begun step {step} of generation {generation} on this silo.");
            }

            if ((generation, step) != begun || current!.IsComplete)
                return;
            var node = current.Tree.Normalize(subtree);
            current.Sums.Locals.Add(node, sums, start, end, ready);
            if (current.HasAverages)
                Distribute(node, sums, ready);
            else
                TakeAsAverages(node, sums);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The step is neither this silo's present one nor the one
    /// before.</exception>
    public FlatBuffer WaitForAverages(long step, IAveragesSink? sink, CancellationToken cancellation)
    {
        var awaited = StepOf(step)
            ?? throw new InvalidOperationException($"Run {name} holds nothing of step {step} on this silo.");
        var landing = sink is null ? null : new AverageLandings(awaited, sink);
        reducer.WorkUntil(awaited, landing, cancellation);
        return awaited.Averages;
    }

    /// <inheritdoc/>
    public void Withdraw(int generation)
    {
        lock (beginGate)
        {
            if (current?.Sums.Generation <= generation)
                RetireSums(current);
        }
    }

    /// <inheritdoc/>
    public ExchangeFigures Figures(long step) => StepOf(step)?.Figures ?? default;

    /// <inheritdoc/>
    /// <remarks>It waits for frames of the run that are half way through a socket, as a new step does.</remarks>
    public void Dispose()
    {
        OutgoingLink?[] released;
        lock (gate)
        {
            if (disposed)
                return;
            disposed = true;
            released = links;
            links = [];
        }

        channel.Forget(this);
        reducer.Dispose();
        lock (beginGate)
        {
            foreach (var link in released)
                link?.RemoveFrames(this);
            RetireSums(current);
            Retire(current?.AveragesUse);
            Retire(previous?.AveragesUse);
        }

        foreach (var link in released)
        {
            if (link is not null)
                channel.Release(link);
        }

        foreach (var buffer in ownAverages.Concat(ownSums))
            buffer.Dispose();
    }

    private OutgoingLink?[] Connect(ExchangeMembership joined)
    {
        var made = new OutgoingLink?[joined.Silos.Count];
        for (var silo = 0; silo < made.Length; silo++)
        {
            if (silo == joined.OwnIndex)
                continue;
            made[silo] = channel.Acquire(joined.Silos[silo]);
            made[silo]!.Encourage();
        }

        return made;
    }

    private void PlanAgain(StepExchange step, int generation, IReadOnlyList<LeafRange> siloRanges)
    {
        RetireSums(step);
        lock (gate)
            step.PlanAgain(NewSums(generation, step.Tree, siloRanges));
    }

    /// <summary>
    /// Memory for what this silo adds up, before anything is given up for the plan and outside of the gate: gigabytes
    /// take their time, and may not be there.
    /// </summary>
    private void ReserveSums(IReadOnlyList<LeafRange> siloRanges)
    {
        ExchangeMembership? joined;
        lock (gate)
            joined = membership;
        if (joined is not { Silos.Count: > 1 })
            return;
        var count = SiloSums.Folded(new ReductionTree(joined.LeafCount), siloRanges).Count;
        while (ownSums.Count < count)
            ownSums.Add(LargeMemory.Allocate(layout.ElementCount));
    }

    /// <summary>The books of a plan; the plan before must be out of use.</summary>
    private PlannedSums NewSums(int generation, ReductionTree tree, IReadOnlyList<LeafRange> siloRanges)
    {
        var folded = membership!.Silos.Count > 1 ? SiloSums.Folded(tree, siloRanges) : [];
        while (ownSums.Count < folded.Count)
            ownSums.Add(LargeMemory.Allocate(layout.ElementCount));
        var fold = new SiloFold(layout, tree, channel.Pool, [.. folded.Zip(ownSums)]);
        return new PlannedSums(generation, layout, tree, fold);
    }

    /// <summary>
    /// Another step: the sums of the one before are out of use, its averages stay for those who are a step behind. A
    /// run that goes back, to a checkpoint, has no use for anything.
    /// </summary>
    private void TurnTo(
        long step, int generation, IReadOnlyList<LeafRange> siloRanges, StepExchange? finished)
    {
        RetireSums(finished);
        Retire(previous?.AveragesUse);
        var keeps = finished is { HasAverages: true, IsAlias: false } && finished.Step < step && links.Length > 1;
        if (!keeps)
            Retire(finished?.AveragesUse);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            previous = keeps ? finished : null;
            current = Make(step, generation, siloRanges);
        }
    }

    private StepExchange Make(long step, int generation, IReadOnlyList<LeafRange> siloRanges)
    {
        if (membership is null)
            throw new InvalidOperationException($"Run {name} has no membership yet.");
        foreach (var link in links)
            link?.Encourage();
        var tree = new ReductionTree(membership.LeafCount);
        var mayAlias = membership is { Silos.Count: 1, LeafCount: 1 };
        var made = new StepExchange(step, NewSums(generation, tree, siloRanges), layout, tree, channel.Pool);
        if (!mayAlias)
            made.Provide(TakeAverages());
        return made;
    }

    private FlatBuffer TakeAverages()
    {
        var free = ownAverages.Find(buffer => previous is null || previous.Averages != buffer);
        if (free is null)
            ownAverages.Add(free = LargeMemory.Allocate(layout.ElementCount));
        return free;
    }

    /// <summary>
    /// One silo with M = 1: an fp32 gradient is the average as it stands; only bf16 needs memory and a pass.
    /// </summary>
    private void TakeAsAverages(Subtree node, FlatBuffer sums)
    {
        if (sums.ElementType == ElementType.BFloat16)
        {
            current!.Provide(TakeAverages());
            Redistribute();
        }
        else if (current!.Sums.Locals.Whole(node) is { ElementType: ElementType.Float32 } whole)
        {
            current.Alias(whole);
            reducer.Wake();
        }
    }

    private void RetireSums(StepExchange? step)
    {
        if (step is null)
            return;
        Retire(step.Sums.Use);
        step.ReleaseSums();
    }

    private void Retire(Lease? lease)
    {
        while (lease is not null && !lease.Close(channel.Options.DrainTimeout))
            channel.BreakHolders(lease);
    }

    private StepExchange? StepOf(long step)
    {
        lock (gate)
        {
            return current?.Step == step ? current : previous?.Step == step ? previous : null;
        }
    }
}

using Gpt2Cluster.Core.Averaging;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Exchange.Averaging;
using Gpt2Cluster.Exchange.Frames;
using Gpt2Cluster.Exchange.Links;

namespace Gpt2Cluster.Exchange;

/// <summary>
/// The averaging of one run on one silo: carries out, on buffers and links, what <see cref="AveragingProtocol"/> decides
/// about what workers and links tell.
/// </summary>
/// <remarks>
/// One lock guards everything of the run; those of queues, of the transport and of memory are taken inside it. It is not
/// held while a socket is used, an addition is made or a buffer is still in use. What workers contribute is added by a
/// thread of its own, so that contributing costs the compute thread nothing, and by workers that wait for averages and
/// have nothing else to do; what comes from other silos is added by the thread that received it.
/// </remarks>
internal sealed unsafe class RunExchange : IRunExchange, IStripeEndpoint
{
    private readonly object gate = new();
    private readonly StripeTransport transport;
    private readonly StripePool pool;
    private readonly string name;
    private readonly StripeLayout layout;
    private readonly Action<UnreachableSilo> unreachable;
    private readonly AveragingProtocol protocol;
    private readonly RunMemory memory;
    private readonly ReductionQueue reductions;
    private readonly Thread reducer;
    private OutgoingLink?[] links = [];
    private bool disposed;

    /// <summary>Opens the run; it does nothing before <see cref="Configure"/>.</summary>
    public RunExchange(
        StripeTransport transport,
        StripePool pool,
        string name,
        StripeLayout layout,
        Action<UnreachableSilo> unreachable)
    {
        (this.transport, this.pool, this.name, this.layout) = (transport, pool, name, layout);
        this.unreachable = unreachable;
        Key = FrameHeader.RunKey(name);
        protocol = new AveragingProtocol(layout);
        memory = new RunMemory(gate, layout);
        reductions = new ReductionQueue(gate);
        reducer = transport.Options.NewThread(ReduceUntilDisposed, $"reducer of {name}");
        reducer.Start();
    }

    /// <inheritdoc/>
    public ulong Key { get; }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The membership changes M while a step is open.</exception>
    public void Configure(ExchangeMembership membership)
    {
        ArgumentNullException.ThrowIfNull(membership);
        OutgoingLink?[] replaced;
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (membership.Silos.Count > 1 && !protocol.IsOpening)
                memory.ProvideAverages();
            if (!protocol.Configure(membership))
                return;
            (replaced, links) = (links, Connect(membership));
            Execute();
        }

        foreach (var link in replaced.OfType<OutgoingLink>())
        {
            if (!membership.Silos.Contains(link.Peer))
                link.RemoveFrames(Key);
            transport.Release(link);
        }
    }

    /// <inheritdoc/>
    public void BeginStep(long step, int generation, IReadOnlyList<LeafRange> siloRanges)
    {
        ArgumentNullException.ThrowIfNull(siloRanges);
        Reserve(siloRanges);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            protocol.BeginStep(new Position(generation, step), siloRanges);
            Execute();
            memory.AwaitRetired(transport.Options.DrainTimeout, transport.Options.Time);
            ObjectDisposedException.ThrowIf(disposed, this);
            if (!protocol.IsOpening)
                return;
            if (!protocol.IsAlone)
                memory.ProvideAverages();
            protocol.Open();
            Execute();
        }
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

        var plan = new Position(generation, step);
        var mayAdopt = sums.ElementType == ElementType.Float32;
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (!protocol.Takes(plan) || !memory.Of(plan)!.TryAdd(subtree, sums))
                return;
            if (!mayAdopt)
                memory.ProvideAverages();
            protocol.Contribute(plan, subtree, start, end, mayAdopt);
            Execute();
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The step is neither this silo's present one nor the one
    /// before.</exception>
    public FlatBuffer WaitForAverages(long step, IAveragesSink? sink, CancellationToken cancellation)
    {
        AveragedStep awaited;
        StepMemory averages;
        lock (gate)
        {
            awaited = protocol.StepOf(step)
                ?? throw new InvalidOperationException($"Run {name} holds nothing of step {step} on this silo.");
            averages = memory.Of(step)!;
            averages.IsWatched |= sink is not null;
        }

        var landings = sink is null ? null : new AverageLandings(awaited, averages, layout, sink);
        using var registration = cancellation.Register(Wake);
        while (true)
        {
            StripeReduction? next;
            int missing;
            lock (gate)
            {
                missing = awaited.MissingCount;
                landings?.Collect();
            }

            landings?.Tell();
            if (missing == 0)
                return averages.Averages!;
            cancellation.ThrowIfCancellationRequested();
            lock (gate)
            {
                ObjectDisposedException.ThrowIf(disposed, this);
                next = reductions.Take(() => disposed || cancellation.IsCancellationRequested
                    || (landings is null ? awaited.MissingCount == 0 : awaited.MissingCount != missing));
            }

            Reduce(next);
        }
    }

    /// <inheritdoc/>
    public void Withdraw(int generation)
    {
        lock (gate)
        {
            protocol.Withdraw(generation);
            Execute();
            memory.AwaitRetired(transport.Options.DrainTimeout, transport.Options.Time);
        }
    }

    /// <inheritdoc/>
    public ExchangeFigures Figures(long step)
    {
        lock (gate)
        {
            return memory.Of(step)?.Traffic.Figures ?? default;
        }
    }

    /// <inheritdoc/>
    public Destination ReserveDestination(in FrameHeader header, IConnection from)
    {
        CheckShape(header);
        var sent = new Position(header.Generation, header.Step);
        lock (gate)
        {
            if (disposed)
                return default;
            try
            {
                if (header.Kind == FrameKind.Contribution)
                {
                    return protocol.ReserveSum(from.PeerName!, sent, header.Stripe, header.Subtree) is { } plan
                        ? new Destination((byte*)pool.Rent(), plan, memory: null)
                        : default;
                }

                return protocol.ReserveAverage(from.PeerName!, sent, header.Stripe) is { } averaged
                    ? PlaceOf(memory.Of(sent.Step)!, header.Stripe, averaged, from)
                    : default;
            }
            catch (PeerFaultException fault)
            {
                throw new FrameFaultException(fault.Message);
            }
        }
    }

    /// <inheritdoc/>
    public void OnReceived(in FrameHeader header, in Destination destination, IConnection from)
    {
        StripeReduction? next = null;
        lock (gate)
        {
            memory.Of(header.Step)?.Traffic.CountReceived(header.PayloadBytes);
            if (destination.Memory is not { } averages)
            {
                KeepSum(header, destination);
            }
            else
            {
                if (!disposed)
                    protocol.OnAverageReceived(destination.Plan, header.Stripe, header.Generation, from.PeerName!);
                WakeIfWatched(header.Step);
                averages.Exit(from);
            }

            next = Execute(takesReduction: true);
        }

        Reduce(next);
    }

    /// <inheritdoc/>
    public void OnReceptionFailed(in FrameHeader header, in Destination destination, IConnection from)
    {
        if (destination.Memory is not { } averages)
        {
            pool.Return(destination.Pointer);
            return;
        }

        var (plan, stripe) = (destination.Plan, header.Stripe);
        Tell(() => protocol.OnAverageLost(plan, stripe));
        averages.Exit(from);
    }

    /// <inheritdoc/>
    public void OnPeerPosition(string peer, PeerPosition position) =>
        Tell(() => protocol.OnPeerPosition(peer, position));

    /// <inheritdoc/>
    public void OnLinkUp(ExchangeMember peer) => Tell(() => protocol.OnLinkUp(peer));

    /// <inheritdoc/>
    public void OnLinkLost(string peer, long connection) => Tell(() => protocol.OnLinkLost(peer, connection));

    /// <inheritdoc/>
    public void OnUnreachable(ExchangeMember peer, string reason, bool isGone)
    {
        int generation;
        lock (gate)
        {
            if (!protocol.Knows(peer.SiloName))
                return;
            generation = protocol.Position.Generation;
        }

        unreachable(new UnreachableSilo(name, generation, peer, reason, isGone));
    }

    /// <inheritdoc/>
    /// <remarks>It waits for frames of the run that are half way through a socket, as a new step does.</remarks>
    public void Dispose()
    {
        OutgoingLink[] released;
        lock (gate)
        {
            if (disposed)
                return;
            disposed = true;
            released = [.. links.OfType<OutgoingLink>()];
            foreach (var link in released)
                link.RemoveFrames(Key);
            memory.RetireAll();
            Monitor.PulseAll(gate);
            memory.AwaitRetired(transport.Options.DrainTimeout, transport.Options.Time);
            reductions.Clear();
        }

        transport.Remove(this);
        if (Thread.CurrentThread != reducer)
            reducer.Join();
        foreach (var link in released)
            transport.Release(link);
        memory.Dispose();
    }

    private void Tell(Action input)
    {
        lock (gate)
        {
            if (disposed)
                return;
            input();
            Execute();
        }
    }

    /// <summary>Does what the protocol wants; the lock is held.</summary>
    /// <param name="takesReduction">Whether the caller makes an addition itself, having its terms in the cache.</param>
    /// <returns>The addition; all others are queued.</returns>
    private StripeReduction? Execute(bool takesReduction = false)
    {
        StripeReduction? taken = null;
        foreach (var effect in protocol.Effects)
        {
            if (effect is not Reduce reduce)
                Execute(effect);
            else if (NewReduction(reduce) is var reduction && takesReduction && taken is null && reduction.TryBegin())
                taken = reduction;
            else
                reductions.Add(reduction);
        }

        protocol.Effects.Clear();
        return taken;
    }

    private void Execute(AveragingEffect effect)
    {
        switch (effect)
        {
            case OpenPlan(var plan, var siloSums):
                memory.Open(plan, protocol.StepOf(plan.Step)!.Tree, siloSums);
                foreach (var link in links)
                    link?.ResetBackoff();
                break;
            case RetireSums(var plan): memory.Retire(plan); break;
            case RetireAverages(var step): memory.Retire(step); break;
            case Announce(var silo, var position, var again):
                links[silo]!.Announce(new Announcement(Key, position, again));
                break;
            case ClearQueue(var silo): links[silo]!.RemoveFrames(Key); break;
            case SendSum(var silo, var plan, var stripe, var subtree):
                var sums = memory.Of(plan)!;
                Send(silo, FrameKind.Contribution, plan.Step, stripe, subtree, sums[subtree], sums.Use);
                break;
            case SendAverage(var silo, var step, var stripe):
                var (averages, root) = (memory.Of(step)!, protocol.StepOf(step)!.Tree.Root);
                Send(silo, FrameKind.Average, step, stripe, root, averages.Averages!, averages.Use);
                break;
            case Discard(var plan, var stripe, var subtree): memory.Of(plan)!.Discard(stripe, subtree); break;
            case AdoptSum(var plan, var subtree): memory.Of(plan.Step)!.Averages = memory.Of(plan)![subtree]; break;
            case Interrupt(var peer): memory.Interrupt(peer); break;
            case Complete: Monitor.PulseAll(gate); break;
        }
    }

    private StripeReduction NewReduction(Reduce reduce)
    {
        var (plan, stripe, left, right, sum, target) = reduce;
        var sums = memory.Of(plan)!;
        var buffer = target switch
        {
            ReductionTarget.Average => memory.Of(plan.Step)!.Averages,
            ReductionTarget.SiloSum => sums[sum],
            _ => null,
        };
        return new StripeReduction(
            reduce,
            sums,
            sums.Take(stripe, left),
            right is { } second ? sums.Take(stripe, second) : null,
            buffer is null ? null : StripeValue.In(buffer, layout.Range(stripe)));
    }

    /// <summary>Makes an addition, and those that become possible by it.</summary>
    private void Reduce(StripeReduction? next)
    {
        while (next is not null)
        {
            var sum = next.Add(layout.Range(next.What.Stripe).Count, pool);
            next = OnReduced(next, sum);
        }
    }

    private StripeReduction? OnReduced(StripeReduction made, StripeValue? sum)
    {
        lock (gate)
        {
            var isKept = !disposed && protocol.OnReduced(made.What);
            if (isKept)
                made.Sums.Add(made.What.Stripe, made.What.Sum, sum!.Value);
            else
                sum?.Release();
            var next = Execute(takesReduction: true);
            if (made.What.Target == ReductionTarget.Average)
                WakeIfWatched(made.What.Plan.Step);
            made.Sums.Use.Exit(null);
            return next;
        }
    }

    private void ReduceUntilDisposed()
    {
        while (true)
        {
            StripeReduction? next;
            lock (gate)
            {
                if (disposed)
                    return;
                next = reductions.Take(() => disposed);
            }

            Reduce(next);
        }
    }

    /// <summary>Keeps a sum that came from another silo, if its plan is still of use and it is no repeat.</summary>
    private void KeepSum(in FrameHeader header, in Destination destination)
    {
        // If the step was planned again meanwhile, it is sent again for that plan.
        var value = new StripeValue(destination.Pointer, header.ElementType, pool);
        if (!disposed && memory.Of(destination.Plan) is { } sums
            && protocol.OnSumReceived(destination.Plan, header.Stripe, header.Subtree))
            sums.Add(header.Stripe, header.Subtree, value);
        else
            value.Release();
    }

    private void CheckShape(in FrameHeader header)
    {
        if (header.Stripe < 0 || header.Stripe >= layout.StripeCount)
            throw new FrameFaultException($"Run {name} has {layout.StripeCount} stripes, none is {header.Stripe}.");
        var isFloat = header.ElementType == ElementType.Float32;
        if (!isFloat && (header.ElementType != ElementType.BFloat16 || header.Kind == FrameKind.Average))
            throw new FrameFaultException($"Element type {(int)header.ElementType} has no place in this frame.");
        var bytes = layout.Range(header.Stripe).Count * (isFloat ? sizeof(float) : sizeof(ushort));
        if (header.PayloadBytes != bytes)
            throw new FrameFaultException($"Stripe {header.Stripe} has {bytes} bytes, not {header.PayloadBytes}.");
    }

    private Destination PlaceOf(StepMemory step, int stripe, Position plan, IConnection from)
    {
        step.Use.TryEnter(from);
        var place = StripeValue.In(step.Averages!, layout.Range(stripe));
        return new Destination((byte*)place.Pointer, plan, step.Use);
    }

    private void Send(
        int silo, FrameKind kind, long step, int stripe, Subtree subtree, FlatBuffer buffer, Lease use)
    {
        var range = layout.Range(stripe);
        var header = new FrameHeader(
            kind, buffer.ElementType, Key, protocol.Position.Generation, step, stripe, subtree,
            range.Count * buffer.ElementBytes);
        var payload = (nint)StripeValue.In(buffer, range).Pointer;
        links[silo]!.Send(new OutgoingFrame(header, payload, use, memory.Of(step)!.Traffic));
    }

    private OutgoingLink?[] Connect(ExchangeMembership joined)
    {
        var made = new OutgoingLink?[joined.Silos.Count];
        for (var silo = 0; silo < made.Length; silo++)
        {
            if (silo == joined.OwnIndex)
                continue;
            made[silo] = transport.Acquire(joined.Silos[silo]);
            made[silo]!.ResetBackoff();
        }

        return made;
    }

    private void Reserve(IReadOnlyList<LeafRange> siloRanges)
    {
        int averagesCount;
        int sumCount;
        lock (gate)
        {
            averagesCount = protocol.IsAlone ? 0 : protocol.HeldStepCount;
            sumCount = protocol.SiloSums(siloRanges).Count;
        }

        memory.Reserve(averagesCount, sumCount);
    }

    private void WakeIfWatched(long step)
    {
        if (memory.Of(step) is { IsWatched: true })
            Monitor.PulseAll(gate);
    }

    private void Wake()
    {
        lock (gate)
            Monitor.PulseAll(gate);
    }
}

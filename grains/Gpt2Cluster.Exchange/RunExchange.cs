using Gpt2Cluster.Core.Averaging;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Exchange.Averaging;
using Gpt2Cluster.Exchange.Frames;
using Gpt2Cluster.Exchange.Links;

namespace Gpt2Cluster.Exchange;

/// <summary>
/// The averaging of one run on one silo: tells <see cref="AveragingProtocol"/> what workers and links tell, and carries
/// out on buffers and links what it decides.
/// </summary>
/// <remarks>
/// One lock guards everything of the run; those of queues, of the transport and of memory are taken inside it. It is
/// not held while a socket is used, an addition is made or a buffer is still in use. What workers contribute is added
/// by a thread of its own, so that contributing costs the compute thread nothing, and by workers that wait for averages
/// and have nothing else to do; what comes from other silos is added by the thread that received it.
/// </remarks>
internal sealed unsafe class RunExchange : IRunExchange, IStripeEndpoint
{
    private readonly object gate = new();
    private readonly StripeTransport transport;
    private readonly StripePool pool;
    private readonly RunName name;
    private readonly StripeLayout layout;
    private readonly Action<UnreachableSilo> unreachable;
    private readonly AveragingProtocol protocol;
    private readonly RunMemory memory;
    private readonly ReductionQueue reductions;
    private readonly AveragingExecutor executor;
    private readonly Thread reducer;
    private bool disposed;

    /// <summary>Opens the run; it does nothing before <see cref="Configure"/>.</summary>
    public RunExchange(
        StripeTransport transport,
        StripePool pool,
        RunName name,
        StripeLayout layout,
        Action<UnreachableSilo> unreachable)
    {
        (this.transport, this.pool, this.name, this.layout) = (transport, pool, name, layout);
        this.unreachable = unreachable;
        Key = FrameHeader.RunKey(name);
        protocol = new AveragingProtocol(layout);
        memory = new RunMemory(gate, layout);
        reductions = new ReductionQueue(gate);
        executor = new AveragingExecutor(Key, layout, protocol, memory, reductions, transport);
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
        IReadOnlyList<OutgoingLink> replaced;
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (membership.Silos.Count > 1 && !protocol.IsOpening)
                memory.ProvideAverages();
            if (!protocol.Configure(membership))
                return;
            replaced = executor.Connect(membership);
            executor.Execute();
        }

        foreach (var link in replaced)
            transport.Release(link);
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
            executor.Execute();
            memory.AwaitRetired(transport.Options.DrainTimeout, transport.Options.Time);
            ObjectDisposedException.ThrowIf(disposed, this);
            if (!protocol.IsOpening)
                return;
            if (!protocol.ContributionIsAverage)
                memory.ProvideAverages();
            protocol.Open();
            executor.Execute();
        }
    }

    /// <inheritdoc/>
    public IContributionSink Contributions(long step, int generation) =>
        new PlanContributions(this, new Position(generation, step));

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The step is neither this silo's present one nor the one
    /// before.</exception>
    public FlatBuffer WaitForAverages(long step, IAveragesSink? sink, CancellationToken cancellation)
    {
        AveragedStep awaited;
        StepMemory averages;
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            awaited = protocol.StepOf(step)
                ?? throw new InvalidOperationException($"Run {name} holds nothing of step {step} on this silo.");
            averages = memory.Of(step)!;
            averages.IsWatched |= sink is not null;
        }

        var landings = sink is null ? null : new AverageLandings(awaited, averages, layout, sink);
        using var registration = cancellation.Register(Wake);
        while (true)
        {
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
            StripeReduction? next;
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
            executor.Execute();
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
        header.CheckShape(layout, name);
        var sent = new Position(header.Generation, header.Step);
        lock (gate)
        {
            if (disposed)
                return default;
            if (header.Kind == FrameKind.Contribution)
            {
                return protocol.ReserveSum(from.PeerName!.Value, sent, header.Stripe, header.Subtree) is { } needed
                    ? new Destination((byte*)pool.Rent(), needed, memory: null)
                    : default;
            }

            if (protocol.ReserveAverage(from.PeerName!.Value, sent, header.Stripe) is not { } plan)
                return default;
            var averages = memory.Of(sent.Step)!;
            averages.Use.TryEnter(from);
            var place = StripeValue.In(averages.Averages!, layout.Range(header.Stripe));
            return new Destination((byte*)place.Pointer, plan, averages.Use);
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
                using var use = averages.Entered(from);
                if (!disposed)
                    protocol.OnStripeAveraged(destination.Plan, header.Stripe, header.Generation, from.PeerName!.Value);
                WakeIfWatched(header.Step);
            }

            next = executor.Execute(takesReduction: true);
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
        using var use = averages.Entered(from);
        Tell(() => protocol.OnAverageLost(plan, stripe));
    }

    /// <inheritdoc/>
    public void OnPeerPosition(SiloName peer, PeerPosition position) =>
        Tell(() => protocol.OnPeerPosition(peer, position));

    /// <inheritdoc/>
    public void OnLinkUp(ExchangeMember peer) => Tell(() => protocol.OnLinkUp(peer));

    /// <inheritdoc/>
    public void OnLinkLost(SiloName peer, long connection) => Tell(() => protocol.OnLinkLost(peer, connection));

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
        IReadOnlyList<OutgoingLink> released;
        lock (gate)
        {
            if (disposed)
                return;
            disposed = true;
        }

        // From now on what peers say is kept for whoever opens the run again.
        transport.Remove(this);
        lock (gate)
        {
            released = executor.Disconnect();
            memory.RetireAll();
            Monitor.PulseAll(gate);
            memory.AwaitRetired(transport.Options.DrainTimeout, transport.Options.Time);
            reductions.Clear();
        }

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
            executor.Execute();
        }
    }

    /// <summary>Makes an addition, and those that become possible by it.</summary>
    private void Reduce(StripeReduction? next)
    {
        while (next is not null)
        {
            var (made, what) = (next, next.What);
            var isAverage = what.Target == ReductionTarget.Average;
            using var use = made.Sums.Use.Entered(null);
            var sum = made.Add(pool);
            lock (gate)
            {
                if (isAverage && !disposed)
                    protocol.OnStripeAveraged(what.Plan, what.Stripe);
                if (!isAverage && !disposed && protocol.OnSumMade(what))
                    made.Sums.Add(what.Stripe, what.Sum, sum!.Value);
                else
                    sum?.Release();
                next = executor.Execute(takesReduction: true);
                if (isAverage)
                    WakeIfWatched(what.Plan.Step);
            }
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

    private void Reserve(IReadOnlyList<LeafRange> siloRanges)
    {
        int averagesCount;
        int sumCount;
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            averagesCount = protocol.ContributionIsAverage ? 0 : protocol.HeldStepCount;
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

    /// <summary>Takes what the workers of this silo contribute under one plan.</summary>
    private sealed class PlanContributions(RunExchange run, Position plan) : IContributionSink
    {
        /// <exception cref="InvalidOperationException">The plan was not begun on this silo.</exception>
        public void Contribute(Subtree subtree, FlatBuffer sums, long start, long end)
        {
            FaultPoints.Reach(FaultPoint.Contributing, plan.Step);
            ArgumentOutOfRangeException.ThrowIfLessThan(sums.Length, run.layout.ElementCount, nameof(sums));
            var mayAdopt = sums.ElementType == ElementType.Float32;
            lock (run.gate)
            {
                ObjectDisposedException.ThrowIf(run.disposed, run);
                if (!run.protocol.Takes(plan) || !run.memory.Of(plan)!.TryAdd(subtree, sums))
                    return;
                if (!mayAdopt)
                    run.memory.ProvideAverages();
                run.protocol.Contribute(plan, subtree, start, end, mayAdopt);
                run.executor.Execute();
            }
        }
    }
}

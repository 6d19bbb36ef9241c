using Gpt2Cluster.Core.Averaging;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Simulator.Network;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Exchange;

/// <summary>
/// The averaging of the run on one silo: the product's <see cref="AveragingProtocol"/> on arrays of a few elements and
/// simulated connections. It decides nothing.
/// </summary>
internal sealed class SimulatedExchange(SimulatedCluster cluster, StripeLinks links) : IRunExchange
{
    private readonly AveragingProtocol protocol = MutantAveraging.Of(cluster.Mutant, cluster.Cut.Layout);
    private readonly Dictionary<Position, Dictionary<Subtree, float[]>> sums = [];
    private readonly Dictionary<(Position Plan, int Stripe, Subtree Subtree), Memory<float>> terms = [];
    private readonly Dictionary<long, float[]> averages = [];
    private readonly List<(long Step, TaskCompletionSource<float[]> Done)> waiting = [];
    private ExchangeMembership? membership;
    private bool isOver;

    /// <summary>The generation it stands at; -1 before the first.</summary>
    public int Generation => protocol.Position.Generation;

    /// <summary>Whether a silo is another one of the run.</summary>
    public bool Knows(SiloName peer) => protocol.Knows(peer);

    /// <inheritdoc/>
    public void Configure(ExchangeMembership next)
    {
        ObjectDisposedException.ThrowIf(isOver, this);
        if (!protocol.Configure(next))
            return;
        membership = next;
        links.Keep(next.Silos.Select(silo => silo.SiloName).Where(protocol.Knows));
        Execute();
    }

    /// <inheritdoc/>
    public void BeginStep(long step, int generation, IReadOnlyList<LeafRange> siloRanges)
    {
        ObjectDisposedException.ThrowIf(isOver, this);
        protocol.BeginStep(new Position(generation, step), siloRanges);
        Execute();
        if (protocol.IsOpening)
            Tell(protocol.Open);
    }

    /// <summary>A worker contributes a subtree's sum; the array stays as it is until the next plan.</summary>
    public void Contribute(long step, int generation, Subtree subtree, float[] sum)
    {
        ObjectDisposedException.ThrowIf(isOver, this);
        var plan = new Position(generation, step);
        if (!protocol.Takes(plan))
            return;
        sums[plan].TryAdd(protocol.StepOf(step)!.Tree.Normalize(subtree), sum);
        Tell(() => protocol.Contribute(plan, subtree, 0, cluster.Cut.Layout.ElementCount, mayAdopt: true));
    }

    /// <summary>Waits until every stripe of the step's average is here.</summary>
    public Task<float[]> Wait(long step, CancellationToken cancellation)
    {
        var awaited = protocol.StepOf(step)
            ?? throw new InvalidOperationException($"Nothing of step {step} is held here.");
        if (awaited.MissingCount == 0)
            return Task.FromResult(averages[step]);
        var done = new TaskCompletionSource<float[]>();
        waiting.Add((step, done));
        cancellation.Register(() => links.Later(() => done.TrySetCanceled(cancellation)));
        return done.Task;
    }

    /// <inheritdoc/>
    public void Withdraw(int generation) => Tell(() => protocol.Withdraw(generation));

    /// <inheritdoc/>
    public void Dispose()
    {
        isOver = true;
        links.Close(this);
        foreach (var (_, done) in waiting)
            links.Later(() => done.TrySetException(new ObjectDisposedException("averaging")));
    }

    /// <summary>A peer said where it stands.</summary>
    public void OnPeerPosition(SiloName peer, PeerPosition position) =>
        Tell(() => protocol.OnPeerPosition(peer, position));

    /// <summary>A connection to a peer was made.</summary>
    public void OnLinkUp(SiloName peer)
    {
        if (membership?.Silos.FirstOrDefault(silo => silo.SiloName == peer) is { } member)
            Tell(() => protocol.OnLinkUp(member));
    }

    /// <summary>A connection from a peer ended.</summary>
    public void OnLinkLost(SiloName peer, long connection) => Tell(() => protocol.OnLinkLost(peer, connection));

    /// <summary>A stripe arrives: an average takes a while, and may be cut short.</summary>
    /// <param name="peer">Who sent it.</param>
    /// <param name="frame">The stripe.</param>
    /// <param name="stands">Whether the connection stands still.</param>
    public void Receive(SiloName peer, StripeFrame frame, Func<bool> stands) => Tell(() =>
    {
        var (sent, stripe, subtree, values) = frame;
        if (subtree is { } sum)
        {
            if (protocol.ReserveSum(peer, sent, stripe, sum) is { } plan && protocol.OnSumReceived(plan, stripe, sum))
                terms.Add((plan, stripe, protocol.StepOf(plan.Step)!.Tree.Normalize(sum)), values);
        }
        else if (protocol.ReserveAverage(peer, sent, stripe) is { } plan)
        {
            var target = averages[plan.Step];
            links.Later(() => Tell(() =>
            {
                if (!stands())
                {
                    protocol.OnAverageLost(plan, stripe);
                    return;
                }

                values.CopyTo(cluster.Cut.Of(target, stripe).Span);
                protocol.OnStripeAveraged(plan, stripe, sent.Generation, peer);
            }));
        }
    });

    IContributionSink IRunExchange.Contributions(long step, int generation) => throw new NotSupportedException();

    FlatBuffer IRunExchange.WaitForAverages(long step, IAveragesSink? sink, CancellationToken cancellation) =>
        throw new NotSupportedException();

    ExchangeFigures IRunExchange.Figures(long step) => default;

    private void Tell(Action input)
    {
        if (isOver)
            return;
        input();
        Execute();
    }

    private void Execute()
    {
        foreach (var effect in protocol.Effects)
            Execute(effect);
        protocol.Effects.Clear();
    }

    private void Execute(AveragingEffect effect)
    {
        switch (effect)
        {
            case OpenPlan(var plan, var siloSums):
                sums.Add(plan, siloSums.ToDictionary(sum => sum, _ => new float[cluster.Cut.ElementCount]));
                averages.TryAdd(plan.Step, new float[cluster.Cut.ElementCount]);
                break;
            case RetireSums(var plan):
                sums.Remove(plan);
                foreach (var term in terms.Keys.Where(term => term.Plan == plan).ToList())
                    terms.Remove(term);
                break;
            case RetireAverages(var step): averages.Remove(step); break;
            case Announce(var silo, var position, var again): links.Announce(NameOf(silo), position, again); break;
            case ClearQueue(var silo): links.RemoveFrames(NameOf(silo)); break;
            case SendSum(var silo, var plan, var stripe, var subtree):
                var sum = cluster.Cut.Of(sums[plan][subtree], stripe);
                Send(silo, plan.Step, stripe, subtree, () => sums.ContainsKey(plan) ? sum : default(Memory<float>?));
                break;
            case SendAverage(var silo, var step, var stripe):
                var average = averages[step];
                Send(silo, step, stripe, null, () => averages.GetValueOrDefault(step) == average
                    ? cluster.Cut.Of(average, stripe)
                    : default(Memory<float>?));
                break;
            case Reduce reduce:
                // The reducer has a thread of its own: what it reads may have been retired by then.
                var left = Take(reduce, reduce.Left);
                var right = reduce.Right is { } second ? Take(reduce, second) : default(Memory<float>?);
                links.Later(() => Tell(() => Add(reduce, left, right)));
                break;
            case Discard(var plan, var stripe, var subtree): terms.Remove((plan, stripe, subtree)); break;
            case AdoptSum(var plan, var subtree): averages[plan.Step] = sums[plan][subtree]; break;
            case Interrupt(var peer): links.Interrupt(peer); break;
            case Complete(var step):
                var complete = averages[step];
                foreach (var (_, done) in waiting.Where(each => each.Step == step))
                    links.Later(() => done.TrySetResult(complete));
                waiting.RemoveAll(each => each.Step == step);
                break;
        }
    }

    private Memory<float> Take(Reduce reduce, Subtree subtree) =>
        terms.Remove((reduce.Plan, reduce.Stripe, subtree), out var term)
            ? term
            : cluster.Cut.Of(sums[reduce.Plan][subtree], reduce.Stripe);

    private void Add(Reduce reduce, Memory<float> left, Memory<float>? right)
    {
        var (plan, stripe, _, _, sum, target) = reduce;
        if (!sums.TryGetValue(plan, out var own))
            return;
        Memory<float> into = target switch
        {
            ReductionTarget.Average => cluster.Cut.Of(averages[plan.Step], stripe),
            ReductionTarget.SiloSum => cluster.Cut.Of(own[sum], stripe),
            _ => new float[left.Length],
        };
        if (right is { } second)
            VectorSum.Add(left.Span, second.Span, into.Span);
        else
            left.CopyTo(into);
        if (target == ReductionTarget.Average)
        {
            VectorSum.Divide(into.Span, protocol.StepOf(plan.Step)!.Tree.LeafCount);
            protocol.OnStripeAveraged(plan, stripe);
        }
        else if (protocol.OnSumMade(reduce))
        {
            terms.Add((plan, stripe, sum), into);
        }
    }

    private void Send(int silo, long step, int stripe, Subtree? subtree, Func<Memory<float>?> values) =>
        links.Send(NameOf(silo), new QueuedFrame(new Position(Generation, step), stripe, subtree, values));

    private SiloName NameOf(int silo) => membership!.Silos[silo].SiloName;
}

using Gpt2Cluster.Core.Averaging;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Simulator.Exchange;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Network;

/// <summary>
/// A silo's stripe channel: one connection to every other silo of the run, which keeps the order of what it carries,
/// breaks with what is on it, and is made again.
/// </summary>
internal sealed class StripeLinks : IStripeChannel
{
    private readonly SimulatedCluster cluster;
    private readonly Silo silo;
    private readonly Dictionary<SiloName, StripeLink> links = [];
    private readonly List<(SiloName Peer, PeerPosition Position)> early = [];
    private SimulatedExchange? exchange;

    /// <summary>The channel of a silo.</summary>
    public StripeLinks(SimulatedCluster cluster, Silo silo)
    {
        this.cluster = cluster;
        this.silo = silo;
    }

    /// <inheritdoc/>
    public event Action<UnreachableSilo>? Unreachable;

    /// <inheritdoc/>
    public int Port => 1;

    /// <summary>The silo.</summary>
    public Silo Silo => silo;

    /// <inheritdoc/>
    public IRunExchange Open(RunName run, long elementCount)
    {
        exchange = new SimulatedExchange(cluster, this);
        foreach (var (peer, position) in early)
            exchange.OnPeerPosition(peer, position);
        early.Clear();
        return exchange;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>The averaging is over.</summary>
    public void Close(SimulatedExchange closed)
    {
        if (exchange != closed)
            return;
        exchange = null;
        Keep([]);
    }

    /// <summary>Something that another thread of the silo does.</summary>
    public void Later(Action action) =>
        cluster.Timeline.After(cluster.Chance.Seconds(0, 0.001), silo.Life, action);

    /// <summary>Keeps connections to these silos and no others.</summary>
    public void Keep(IEnumerable<SiloName> peers)
    {
        List<SiloName> kept = [.. peers];
        foreach (var dropped in links.Keys.Except(kept).ToList())
        {
            links[dropped].Close();
            links.Remove(dropped);
        }

        foreach (var peer in kept.Where(peer => !links.ContainsKey(peer)))
            links.Add(peer, new StripeLink(cluster, this, peer));
    }

    /// <summary>Tells a peer where the run stands here.</summary>
    public void Announce(SiloName peer, Position position, bool again) =>
        links.GetValueOrDefault(peer)?.Announce(position, again);

    /// <summary>Queues a stripe.</summary>
    public void Send(SiloName peer, QueuedFrame frame) => links.GetValueOrDefault(peer)?.Send(frame);

    /// <summary>Drops what waits for a peer.</summary>
    public void RemoveFrames(SiloName peer) => links.GetValueOrDefault(peer)?.RemoveFrames();

    /// <summary>Breaks the connection from a peer.</summary>
    public void Interrupt(SiloName peer) =>
        cluster.MachineOf(peer.ToString())?.Silo?.Stripes.links.GetValueOrDefault(silo.Name.Silo())?.Break();

    /// <summary>The run's averaging here; null while it is closed.</summary>
    public SimulatedExchange? Exchange => exchange;

    /// <summary>A peer said where it stands.</summary>
    public void OnPeerPosition(SiloName peer, PeerPosition position)
    {
        if (exchange is not null)
            exchange.OnPeerPosition(peer, position);
        else
            early.Add((peer, position));
    }

    /// <summary>A peer cannot be reached and is needed.</summary>
    public void OutOfReach(SiloName peer, bool isGone)
    {
        if (exchange is { } needing && needing.Knows(peer))
        {
            Unreachable?.Invoke(new UnreachableSilo(
                SimulatedCluster.RunName.Run(), needing.Generation, new ExchangeMember(peer, peer.ToString(), 1),
                    "no answer", isGone));
        }
    }

    /// <summary>A silo's process has ended: connections to it break.</summary>
    public void Lost(Silo dead)
    {
        foreach (var link in links.Values.Where(link => link.Target == dead).ToList())
            link.Break();
    }

    /// <summary>Breaks the connections to all.</summary>
    public void BreakAll()
    {
        foreach (var link in links.Values.ToList())
            link.Break();
    }
}

/// <summary>The connection over which a silo sends to another one.</summary>
internal sealed class StripeLink
{
    private static readonly TimeSpan UnreachablePeriod = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan GonePeriod = TimeSpan.FromSeconds(0.25);

    private readonly SimulatedCluster cluster;
    private readonly StripeLinks own;
    private readonly LinkedList<QueuedFrame> averages = new();
    private readonly LinkedList<QueuedFrame> sums = new();
    private (Position Position, bool Again)? announcement;
    private Position? announced;
    private Silo? target;
    private long connection;
    private TimeSpan? unreachableSince;
    private TimeSpan arrivesAfter;
    private int failureCount;
    private bool isClosed;
    private bool isSending;

    /// <summary>Begins to connect.</summary>
    public StripeLink(SimulatedCluster cluster, StripeLinks own, SiloName peer)
    {
        this.cluster = cluster;
        this.own = own;
        Peer = peer;
        cluster.Timeline.After(cluster.Network.Latency(), own.Silo.Life, Connect);
    }

    /// <summary>The silo at the other end.</summary>
    public SiloName Peer { get; }

    /// <summary>The silo it is connected to; null while it is not.</summary>
    public Silo? Target => target;

    /// <summary>Queues an announcement, in the place of one that waits.</summary>
    public void Announce(Position position, bool again)
    {
        announcement = (position, again || announcement is { Again: true });
        Send();
    }

    /// <summary>Queues a stripe.</summary>
    public void Send(QueuedFrame frame)
    {
        (frame.Subtree is null ? averages : sums).AddLast(frame);
        Send();
    }

    /// <summary>Drops what waits.</summary>
    public void RemoveFrames()
    {
        averages.Clear();
        sums.Clear();
    }

    /// <summary>Ends.</summary>
    public void Close()
    {
        isClosed = true;
        Lose();
    }

    /// <summary>Breaks with all that is on it, and connects again.</summary>
    public void Break()
    {
        if (target is null)
            return;
        Lose();
        Rest();
    }

    private void Lose()
    {
        var (lost, number) = (target, connection);
        target = null;
        connection = 0;
        if (lost is null)
            return;
        // The other end sees it a moment later.
        cluster.Timeline.After(cluster.Chance.Seconds(0.0001, 0.3), lost.Life, () =>
            lost.Stripes.Exchange?.OnLinkLost(own.Silo.Name.Silo(), number));
    }

    private void Connect()
    {
        if (isClosed)
            return;
        var there = cluster.MachineOf(Peer.ToString())?.Silo;
        if (there is not { Life.IsAwake: true } || !cluster.Network.IsOpen(own.Silo.Name, Peer.ToString()))
        {
            failureCount++;
            ReportWhenDue(isGone: there is null && cluster.Network.IsOpen(own.Silo.Name, Peer.ToString()));
            Rest();
            return;
        }

        failureCount = 0;
        unreachableSince = null;
        target = there;
        connection = cluster.NextConnection();
        announced = null;
        arrivesAfter = cluster.Timeline.Now;
        own.Exchange?.OnLinkUp(Peer);
        Send();
    }

    private void Rest()
    {
        var pause = Math.Min(1, 0.025 * (1 << Math.Min(failureCount, 6)));
        cluster.Timeline.After(TimeSpan.FromSeconds(pause), own.Silo.Life, Connect);
    }

    // A machine that refuses the connection says that the process there has ended.
    private void ReportWhenDue(bool isGone)
    {
        var now = cluster.Timeline.Now;
        var isFirst = unreachableSince is null;
        unreachableSince ??= now;
        if (!(isGone && isFirst) && now - unreachableSince < (isGone ? GonePeriod : UnreachablePeriod))
            return;
        unreachableSince = now;
        own.OutOfReach(Peer, isGone);
    }

    private void Send()
    {
        if (isSending || target is null)
            return;
        isSending = true;
        cluster.Timeline.After(cluster.Chance.Seconds(0.00001, 0.0005), own.Silo.Life, SendNext);
    }

    private void SendNext()
    {
        isSending = false;
        if (target is null || isClosed || own.Exchange is null)
            return;
        if (target.Life.IsDead)
        {
            Break();
            return;
        }

        if (announcement is var (position, again))
            Tell(position, again);
        else if (Take() is { } frame)
            Carry(frame);
        else
            return;
        Send();
    }

    private QueuedFrame? Take()
    {
        var queue = averages.Count > 0 ? averages : sums;
        if (queue.First is not { } first)
            return null;
        queue.RemoveFirst();
        return first.Value;
    }

    private void Tell(Position position, bool again)
    {
        announcement = null;
        if (!again && announced == position)
            return;
        announced = position;
        var (number, name) = (connection, own.Silo.Name);
        Arrive(there => there.Stripes.OnPeerPosition(name.Silo(), new PeerPosition(number, position)));
    }

    private void Carry(QueuedFrame queued)
    {
        if (queued.Values() is not { } values)
            return;
        var frame = new StripeFrame(queued.Sent, queued.Stripe, queued.Subtree, values.ToArray());
        var (number, name) = (connection, own.Silo.Name);
        Arrive(there => there.Stripes.Exchange?.Receive(name.Silo(), frame, () => connection == number));
    }

    // In order, as TCP does it. Where messages get lost a connection breaks instead; a cut holds it until it breaks.
    private void Arrive(Action<Silo> receive)
    {
        var (there, number) = (target!, connection);
        if (cluster.Chance.Happens(cluster.Network.Faults.Loss / 4))
        {
            cluster.Tally.Count(Fault.ConnectionBroken);
            Break();
            return;
        }

        if (cluster.Network.IsCut(own.Silo.Name, Peer.ToString()))
        {
            Break();
            return;
        }

        var at = cluster.Timeline.Now + cluster.Network.Latency();
        arrivesAfter = at > arrivesAfter ? at : arrivesAfter;
        cluster.Timeline.After(arrivesAfter - cluster.Timeline.Now, there.Life, () =>
        {
            if (connection == number)
                receive(there);
        });
    }
}

/// <summary>A stripe that waits to be sent, by reference.</summary>
/// <param name="Sent">The generation it is sent under, and its step.</param>
/// <param name="Stripe">Which stripe.</param>
/// <param name="Subtree">Which sum; null for an average.</param>
/// <param name="Values">Its elements; null once they are out of use.</param>
internal sealed record QueuedFrame(Position Sent, int Stripe, Subtree? Subtree, Func<Memory<float>?> Values);

/// <summary>A stripe on its way.</summary>
/// <param name="Sent">The generation it was sent under, and its step.</param>
/// <param name="Stripe">Which stripe.</param>
/// <param name="Subtree">Which sum; null for an average.</param>
/// <param name="Values">Its elements.</param>
internal sealed record StripeFrame(Position Sent, int Stripe, Subtree? Subtree, float[] Values);

using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Exchange;

/// <summary>
/// A silo's stripe channel: one connection to every other silo of the run, which keeps the order of what it carries,
/// breaks with what is on it, and is made again.
/// </summary>
internal sealed class StripeLinks : IStripeChannel
{
    private readonly SimulatedCluster cluster;
    private readonly Silo silo;
    private readonly Dictionary<string, StripeLink> links = [];
    private readonly List<(string Peer, PeerStanding Standing)> early = [];
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
    public IRunExchange Open(string run, long elementCount)
    {
        exchange = new SimulatedExchange(cluster, this);
        foreach (var (peer, standing) in early)
            exchange.PeerReady(peer, standing);
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
    public void Keep(IEnumerable<string> peers)
    {
        List<string> kept = [.. peers];
        foreach (var dropped in links.Keys.Except(kept).ToList())
        {
            links[dropped].Close();
            links.Remove(dropped);
        }

        foreach (var peer in kept.Where(peer => !links.ContainsKey(peer)))
            links.Add(peer, new StripeLink(cluster, this, peer));
    }

    /// <summary>Tells a peer where the run stands here.</summary>
    public void Announce(SimulatedExchange from, string peer, bool again)
    {
        if (from == exchange)
            links.GetValueOrDefault(peer)?.Announce(again);
    }

    /// <summary>Queues a stripe.</summary>
    public void Send(SimulatedExchange from, string peer, QueuedFrame frame)
    {
        if (from == exchange)
            links.GetValueOrDefault(peer)?.Send(frame);
    }

    /// <summary>Drops what waits for a peer.</summary>
    public void RemoveFrames(string peer) => links.GetValueOrDefault(peer)?.RemoveFrames();

    /// <summary>The run's averaging here; null while it is closed.</summary>
    public SimulatedExchange? Exchange => exchange;

    /// <summary>A peer said where it stands.</summary>
    public void PeerReady(string peer, PeerStanding standing)
    {
        if (exchange is not null)
            exchange.PeerReady(peer, standing);
        else
            early.Add((peer, standing));
    }

    /// <summary>A peer cannot be reached and is needed.</summary>
    public void OutOfReach(string peer, bool isGone)
    {
        if (exchange is { } needing && needing.Peers.Contains(peer))
        {
            Unreachable?.Invoke(new UnreachableSilo(
                SimulatedCluster.RunName, needing.Generation, new ExchangeMember(peer, peer, 1), "no answer", isGone));
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
    private readonly Queue<bool> announcements = new();
    private readonly LinkedList<QueuedFrame> averages = new();
    private readonly LinkedList<QueuedFrame> sums = new();
    private (int Generation, long Step)? announced;
    private Silo? target;
    private long connection;
    private TimeSpan? unreachableSince;
    private TimeSpan arrivesAfter;
    private int failureCount;
    private bool isClosed;
    private bool isSending;

    /// <summary>Begins to connect.</summary>
    public StripeLink(SimulatedCluster cluster, StripeLinks own, string peer)
    {
        this.cluster = cluster;
        this.own = own;
        Peer = peer;
        cluster.Timeline.After(cluster.Network.Latency(), own.Silo.Life, Connect);
    }

    /// <summary>The silo at the other end.</summary>
    public string Peer { get; }

    /// <summary>The silo it is connected to; null while it is not.</summary>
    public Silo? Target => target;

    /// <summary>Queues an announcement.</summary>
    public void Announce(bool again)
    {
        announcements.Enqueue(again);
        Send();
    }

    /// <summary>Queues a stripe.</summary>
    public void Send(QueuedFrame frame)
    {
        (frame.SumsVersion is null ? averages : sums).AddLast(frame);
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
            lost.Stripes.Exchange?.PeerLost(own.Silo.Name, number));
    }

    private void Connect()
    {
        if (isClosed)
            return;
        var there = cluster.MachineOf(Peer)?.Silo;
        if (there is not { Life.IsAwake: true } || !cluster.Network.IsOpen(own.Silo.Name, Peer))
        {
            failureCount++;
            ReportWhenDue(isGone: there is null && cluster.Network.IsOpen(own.Silo.Name, Peer));
            Rest();
            return;
        }

        failureCount = 0;
        unreachableSince = null;
        target = there;
        connection = cluster.NextConnection();
        announced = null;
        arrivesAfter = cluster.Timeline.Now;
        own.Exchange?.LinkUp(Peer);
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
        if (target is null || isClosed || own.Exchange is not { } run)
            return;
        if (target.Life.IsDead)
        {
            Break();
            return;
        }

        if (announcements.TryDequeue(out var again))
            Announce(run, again);
        else if (Take() is { } frame)
            Carry(run, frame);
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

    private void Announce(SimulatedExchange run, bool again)
    {
        var standing = run.Standing;
        if (!again && announced == standing)
            return;
        announced = standing;
        var (number, name) = (connection, own.Silo.Name);
        Arrive(there => there.Stripes.PeerReady(name, new PeerStanding(number, standing.Generation, standing.Step)));
    }

    private void Carry(SimulatedExchange run, QueuedFrame queued)
    {
        var isRetired = queued.SumsVersion is { } version
            ? version != queued.Step.SumsVersion
            : !run.Holds(queued.Step);
        if (run.Generation != queued.Generation || isRetired)
            return;
        var (start, count) = cluster.Cut.Range(queued.Stripe);
        var frame = new StripeFrame(
            queued.Generation,
            queued.Step.Step,
            queued.SumsVersion is null,
            queued.Stripe,
            queued.Subtree,
            queued.Source[start..(start + count)]);
        var name = own.Silo.Name;
        Arrive(there => there.Stripes.Exchange?.Receive(name, frame));
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

        if (cluster.Network.IsCut(own.Silo.Name, Peer))
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

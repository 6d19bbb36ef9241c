using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Exchange.Frames;
using Gpt2Cluster.Exchange.Links;

namespace Gpt2Cluster.Exchange.Tests;

/// <summary>What no correct peer sends ends that connection; a good exchange beside it does not notice.</summary>
public sealed class HostilePeerTests
{
    private const int ElementCount = (2 * StripeLayout.MinStripeElements) + 10;
    private const int StripeBytes = StripeLayout.MinStripeElements * sizeof(float);

    [Fact]
    public Task Garbage_IsCutOff() => CutOffBesideAGoodExchange(peer =>
    {
        var garbage = new byte[4096];
        new Random(7).NextBytes(garbage);
        peer.Send(garbage);
    });

    [Fact]
    public Task GarbageAfterAHello_IsCutOff() => CutOffBesideAGoodExchange(peer =>
    {
        peer.Hello("silo-1");
        peer.Send(new byte[FrameHeader.SizeBytes]);
    });

    [Fact]
    public Task HelloOfAHugeLength_IsCutOff() => CutOffBesideAGoodExchange(peer =>
        peer.Send(RawPeer.Bytes(RawPeer.Frame(FrameKind.Hello) with { PayloadBytes = int.MaxValue }, [])));

    [Fact]
    public Task HelloThatTrickles_IsCutOff() => CutOffBesideAGoodExchange(peer =>
    {
        var name = new byte[IncomingLink.MaxNameBytes];
        var hello = RawPeer.Bytes(RawPeer.Frame(FrameKind.Hello) with { PayloadBytes = name.Length }, name);
        Assert.True(peer.Trickle(hello, 4 * TestCluster.HelloTimeout / hello.Length), "It was let in.");
    });

    [Fact]
    public Task StripeBeforeHello_IsCutOff() => CutOffBesideAGoodExchange(peer =>
        peer.Send(RawPeer.Frame(FrameKind.Contribution) with { PayloadBytes = 4 }, new byte[4]));

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(StripeBytes - 4)]
    public Task StripeOfAWrongLength_IsCutOff(int payloadBytes) => CutOffBesideAGoodExchange(peer =>
    {
        peer.Hello("silo-1");
        peer.Send(RawPeer.Bytes(RawPeer.Frame(FrameKind.Contribution) with { PayloadBytes = payloadBytes }, []));
    });

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    [InlineData(int.MaxValue)]
    public Task StripeThatDoesNotExist_IsCutOff(int stripe) => CutOffBesideAGoodExchange(peer =>
    {
        peer.Hello("silo-1");
        peer.Send(Stripe() with { Stripe = stripe }, new byte[StripeBytes]);
    });

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(0, -1)]
    [InlineData(0, 2)]
    [InlineData(31, 1)]
    [InlineData(int.MaxValue, int.MaxValue)]
    public Task SubtreeThatDoesNotExist_IsCutOff(int level, int index) => CutOffBesideAGoodExchange(peer =>
    {
        peer.Hello("silo-1");
        peer.Send(Stripe() with { Subtree = new Subtree(level, index) }, new byte[StripeBytes]);
    });

    [Fact]
    public Task StripeOfAnUnknownRun_IsCutOff() => CutOffBesideAGoodExchange(peer =>
    {
        peer.Hello("silo-1");
        peer.Send(Stripe() with { Run = FrameHeader.RunKey("prose".Run()) }, new byte[StripeBytes]);
    });

    [Fact]
    public Task StripeFromAStranger_IsCutOff() => CutOffBesideAGoodExchange(peer =>
    {
        peer.Hello("stranger");
        peer.Send(Stripe(), new byte[StripeBytes]);
    });

    [Fact]
    public Task ContributionForAnotherSilosStripe_IsCutOff() => CutOffBesideAGoodExchange(peer =>
    {
        peer.Hello("silo-1");
        peer.Send(Stripe() with { Stripe = 1 }, new byte[StripeBytes]);
    });

    [Theory]
    [InlineData(FrameKind.Contribution)]
    [InlineData(FrameKind.Average)]
    internal Task FlippedBitInAPayload_IsCutOff(FrameKind kind) => CutOffBesideAGoodExchange(peer =>
    {
        peer.Hello("silo-1");
        var bytes = RawPeer.Bytes(Stripe() with { Kind = kind }, new byte[StripeBytes]);
        bytes[StripeBytes / 2] ^= 16;
        peer.Send(bytes);
    });

    [Fact]
    public Task FlippedBitInAHeader_IsCutOff() => CutOffBesideAGoodExchange(peer =>
    {
        peer.Hello("silo-1");
        var bytes = RawPeer.Bytes(Stripe(), new byte[StripeBytes]);
        bytes[20] ^= 1;
        peer.Send(bytes);
    });

    [Fact]
    public async Task StripesOfOlderGenerationsAndOtherSteps_AreDrainedAndDropped()
    {
        await using var cluster = Started(generation: 5, step: 7);
        using var peer = new RawPeer(cluster.Channels[0]);
        peer.Hello("silo-1");
        foreach (var (generation, step) in new[] { (4, 7L), (6, 7L), (5, 5L), (5, 6L), (5, 8L), (5, -1L) })
        {
            foreach (var kind in new[] { FrameKind.Contribution, FrameKind.Average })
                peer.Send(Stripe() with { Kind = kind, Generation = generation, Step = step }, new byte[StripeBytes]);
        }

        Exchange(cluster, generation: 5, step: 7);

        // The connection still stands: what follows is looked at, and is what ends it.
        peer.Send(Stripe() with { Run = FrameHeader.RunKey("prose".Run()) }, new byte[StripeBytes]);
        peer.AssertCutOff();
        Assert.Contains(cluster.Log, line => line.Contains("unknown run", StringComparison.Ordinal));
    }

    [Fact]
    public async Task PeerThatEndsInTheMiddleOfAnAverage_LeavesItsPlaceToOthers()
    {
        await using var cluster = Started(generation: 1, step: 1);
        using (var peer = new RawPeer(cluster.Channels[0]))
        {
            peer.Hello("silo-1");
            var bytes = RawPeer.Bytes(Stripe() with { Kind = FrameKind.Average }, new byte[StripeBytes]);
            peer.Send(bytes.AsSpan(0, StripeBytes / 2));
        }

        Exchange(cluster, generation: 1, step: 1);
    }

    [Fact]
    public async Task PeerThatIsFrozenInTheMiddleOfAnAverage_HoldsUpNobodyOnceItIsNoMember()
    {
        await using var cluster = new TestCluster(siloCount: 3, leafCount: 2, ElementCount);
        cluster.ConfigureAll(generation: 1);
        cluster.BeginAll(step: 1, generation: 1);
        using var frozen = new RawPeer(cluster.Channels[1]);
        frozen.Hello("silo-2");
        var bytes = RawPeer.Bytes(Stripe() with { Kind = FrameKind.Average }, new byte[StripeBytes]);
        frozen.Send(bytes.AsSpan(0, StripeBytes / 2));
        Assert.True(SpinWait.SpinUntil(() => cluster.Channels[1].IsReceivingAnAverage, TestCluster.Deadline));

        cluster.Configure(2, 0, 1);
        foreach (var silo in new[] { 0, 1 })
            cluster.Exchanges[silo].BeginStep(1, 2, []);
        cluster.ContributeWhole(0, 1, 2, new Subtree(0, 0));
        cluster.ContributeWhole(1, 1, 2, new Subtree(0, 1));
        cluster.AssertAverages(1, [0, 1]);
    }

    private static FrameHeader Stripe() => RawPeer.Frame(FrameKind.Contribution) with { PayloadBytes = StripeBytes };

    private static TestCluster Started(int generation, long step)
    {
        var cluster = new TestCluster(siloCount: 2, leafCount: 2, ElementCount);
        cluster.ConfigureAll(generation);
        cluster.BeginAll(step, generation);
        return cluster;
    }

    private static void Exchange(TestCluster cluster, int generation, long step)
    {
        cluster.ContributeWhole(0, step, generation, new Subtree(0, 0));
        cluster.ContributeWhole(1, step, generation, new Subtree(0, 1));
        cluster.AssertAverages(step);
    }

    private static async Task CutOffBesideAGoodExchange(Action<RawPeer> attack)
    {
        await using var cluster = Started(generation: 1, step: 1);
        using var peer = new RawPeer(cluster.Channels[0]);
        attack(peer);
        peer.AssertCutOff();
        Exchange(cluster, generation: 1, step: 1);
        Assert.NotEmpty(cluster.Log);
    }
}

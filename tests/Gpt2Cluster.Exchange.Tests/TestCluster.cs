using System.Collections.Concurrent;
using System.Net;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Tests;

/// <summary>Several stripe channels in this process, on real sockets, that average one run.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    /// <summary>How long anything may take before a test says what it waited for.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    public const string Run = "poems";

    /// <summary>Longest pause between two attempts to connect.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(200);

    /// <summary>How long a peer may take for its hello: longer than any thread waits for a core here.</summary>
    public static readonly TimeSpan HelloTimeout = TimeSpan.FromSeconds(3);

    private readonly List<FlatBuffer> buffers = [];

    public TestCluster(int siloCount, int leafCount, long elementCount, int seed = 1)
    {
        LeafCount = leafCount;
        ElementCount = elementCount;
        Seed = seed;
        for (var silo = 0; silo < siloCount; silo++)
            AddSilo();
    }

    public int LeafCount { get; }

    public long ElementCount { get; }

    public int Seed { get; }

    public List<StripeChannel> Channels { get; } = [];

    public List<IRunExchange> Exchanges { get; } = [];

    public ConcurrentQueue<string> Log { get; } = [];

    public ReductionTree Tree => new(LeafCount);

    public void AddSilo()
    {
        Channels.Add(Listen(Channels.Count, port: 0));
        Exchanges.Add(Channels[^1].Open(Run.Run(), ElementCount));
    }

    /// <summary>The silo, which has ended, is back on its port and knows nothing.</summary>
    public void OpenAgain(int silo)
    {
        Channels[silo] = Listen(silo, Channels[silo].Port);
        Exchanges[silo] = Channels[silo].Open(Run.Run(), ElementCount);
    }

    public ExchangeMember Member(int silo) => new($"silo-{silo}".Silo(), "127.0.0.1", Channels[silo].Port);

    public ExchangeMembership Membership(int generation, int own, params int[] silos) => new()
    {
        Run = Run.Run(),
        Generation = generation,
        LeafCount = LeafCount,
        Silos = [.. silos.Select(Member)],
        OwnIndex = Array.IndexOf(silos, own),
    };

    public void Configure(int generation, params int[] silos)
    {
        foreach (var silo in silos)
            Exchanges[silo].Configure(Membership(generation, silo, silos));
    }

    public void ConfigureAll(int generation) => Configure(generation, [.. Enumerable.Range(0, Channels.Count)]);

    public void BeginAll(long step, int generation)
    {
        foreach (var exchange in Exchanges)
            exchange.BeginStep(step, generation, []);
    }

    public float Leaf(long step, int leaf, long element, bool isBFloat16 = false) =>
        Oracle.Leaf(Seed, step, leaf, element, isBFloat16);

    /// <summary>A worker's buffer with the sum of a subtree. Only leaves may be bf16.</summary>
    public FlatBuffer SumOf(long step, Subtree subtree, Func<int, bool>? isBFloat16 = null)
    {
        var isNarrow = isBFloat16 ?? (_ => false);
        var isLeaf = subtree.EndLeaf(LeafCount) - subtree.FirstLeaf == 1;
        var type = isLeaf && isNarrow(subtree.FirstLeaf) ? ElementType.BFloat16 : ElementType.Float32;
        var buffer = Own(FlatBuffer.Allocate(ElementCount, type));
        for (var element = 0; element < ElementCount; element++)
        {
            var sum = Oracle.Sum(LeafCount, subtree, leaf => Leaf(step, leaf, element, isNarrow(leaf)));
            if (type == ElementType.BFloat16)
                buffer.BFloat16Bits(element, 1)[0] = Oracle.Narrow(sum);
            else
                buffer.Floats(element, 1)[0] = sum;
        }

        return buffer;
    }

    /// <summary>Keeps a worker's buffer until no exchange can read it any more.</summary>
    public FlatBuffer Own(FlatBuffer buffer)
    {
        buffers.Add(buffer);
        return buffer;
    }

    public void ContributeWhole(int silo, long step, int generation, Subtree subtree) =>
        Exchanges[silo].Contributions(step, generation).Contribute(subtree, SumOf(step, subtree), 0, ElementCount);

    public float[] Expected(long step, Func<int, bool>? isBFloat16 = null)
    {
        var isNarrow = isBFloat16 ?? (_ => false);
        var expected = new float[ElementCount];
        for (var element = 0; element < ElementCount; element++)
            expected[element] = Oracle.Average(LeafCount, leaf => Leaf(step, leaf, element, isNarrow(leaf)));
        return expected;
    }

    public float[] Wait(int silo, long step)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        try
        {
            var landed = new LandedAverages(ElementCount);
            var averages = Exchanges[silo].WaitForAverages(step, landed, deadline.Token);
            landed.AssertAllOrNone(averages);
            return averages.Floats(0, (int)ElementCount).ToArray();
        }
        catch (OperationCanceledException)
        {
            var log = string.Join('\n', Log);
            throw new TimeoutException($"Silo {silo} had no averages of step {step} after {Deadline}. Log: {log}");
        }
    }

    public void AssertAverages(long step, IEnumerable<int> silos, Func<int, bool>? isBFloat16 = null)
    {
        var expected = Expected(step, isBFloat16);
        foreach (var silo in silos)
        {
            var found = Wait(silo, step);
            for (var element = 0; element < expected.Length; element++)
            {
                if (BitConverter.SingleToInt32Bits(found[element]) != BitConverter.SingleToInt32Bits(expected[element]))
                    Assert.Fail($"Silo {silo}, element {element}: {found[element]:R}, not {expected[element]:R}.");
            }
        }
    }

    public void AssertAverages(long step) => AssertAverages(step, Enumerable.Range(0, Channels.Count));

    public async ValueTask DisposeAsync()
    {
        foreach (var exchange in Exchanges)
            exchange.Dispose();
        foreach (var channel in Channels)
            await channel.DisposeAsync();
        foreach (var buffer in buffers)
            buffer.Dispose();
        foreach (var channel in Channels)
            Assert.Equal(0, channel.Pool.OutCount);
    }

    private StripeChannel Listen(int silo, int port) => new(new StripeChannelOptions
    {
        SiloName = $"silo-{silo}".Silo(),
        Address = IPAddress.Loopback,
        Port = port,
        StripeElements = StripeLayout.MinStripeElements,
        LongestPause = LongestPause,
        UnreachablePeriod = LongestPause,
        HelloTimeout = HelloTimeout,
        Log = Log.Enqueue,
    });
}

using System.Runtime.InteropServices;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Tests;

/// <summary>
/// Two workers a silo, which halve its range, that do what real ones do: their sums lie in the same few buffers in
/// every plan, are wrong until they are finished, and are handed over piece by piece, the last elements first.
/// </summary>
internal sealed class PlannedWorkers(TestCluster cluster)
{
    private const int PiecesPerSum = 3;

    private readonly Dictionary<int, List<FlatBuffer>> buffers = [];
    private readonly Dictionary<int, Queue<Action>> pieces = [];
    private readonly Dictionary<(long Step, Subtree Subtree), FlatBuffer> sums = [];
    private readonly Dictionary<long, float[]> averages = [];

    /// <summary>Calls of <see cref="Go"/> that a range takes.</summary>
    public int PieceCount(int first, int end) => Halves(first, end).Sum(SumCount) * PiecesPerSum;

    /// <summary>Takes a plan up: from here on the buffers hold rubbish.</summary>
    public void Begin(int silo, long step, int generation, int first, int end)
    {
        var halves = Halves(first, end);
        cluster.Exchanges[silo].BeginStep(step, generation, halves);
        var own = CollectionsMarshal.GetValueRefOrAddDefault(buffers, silo, out _) ??= [];
        var work = pieces[silo] = new Queue<Action>();
        var index = 0;
        foreach (var subtree in halves.SelectMany(half => cluster.Tree.CoverRange(half.First, half.End)))
        {
            if (own.Count == index)
                own.Add(cluster.Own(FlatBuffer.Allocate(cluster.ElementCount)));
            var (buffer, right) = (own[index++], Right(step, subtree));
            buffer.Floats(0, (int)buffer.Length).Fill(float.NaN);
            for (var piece = PiecesPerSum - 1; piece >= 0; piece--)
            {
                var start = buffer.Length * piece / PiecesPerSum;
                var after = buffer.Length * (piece + 1) / PiecesPerSum;
                work.Enqueue(() =>
                {
                    var count = (int)(after - start);
                    right.Floats(start, count).CopyTo(buffer.Floats(start, count));
                    cluster.Exchanges[silo].Contributions(step, generation).Contribute(subtree, buffer, start, after);
                });
            }
        }
    }

    /// <summary>Finishes and hands over the next piece of the plan, if there is one.</summary>
    public void Go(int silo)
    {
        if (pieces.TryGetValue(silo, out var work) && work.TryDequeue(out var piece))
            piece();
    }

    /// <summary>Finishes and hands over all that is left of the plan.</summary>
    public void Finish(int silo)
    {
        while (pieces[silo].TryDequeue(out var piece))
            piece();
    }

    /// <summary>Waits until the other silos' sums of that many full stripes have arrived.</summary>
    public void AwaitReceived(int silo, long step, int fullStripeCount)
    {
        var bytes = (long)fullStripeCount * StripeLayout.MinStripeElements * sizeof(float);
        var arrived = SpinWait.SpinUntil(
            () => cluster.Exchanges[silo].Figures(step).ReceivedBytes >= bytes, TestCluster.Deadline);
        var received = cluster.Exchanges[silo].Figures(step).ReceivedBytes;
        Assert.True(arrived, $"Silo {silo} has received {received} of {bytes} bytes.");
    }

    /// <summary>Waits for the averages on these silos and compares them with the oracle's.</summary>
    public void AssertAverages(long step, IEnumerable<int> silos)
    {
        var expected = CollectionsMarshal.GetValueRefOrAddDefault(averages, step % 2, out _)
            ??= cluster.Expected(step % 2);
        foreach (var silo in silos)
        {
            var found = cluster.Wait(silo, step);
            for (var element = 0; element < expected.Length; element++)
            {
                if (BitConverter.SingleToInt32Bits(found[element]) != BitConverter.SingleToInt32Bits(expected[element]))
                    Assert.Fail($"Silo {silo}, element {element}: {found[element]:R}, not {expected[element]:R}.");
            }
        }
    }

    private static LeafRange[] Halves(int first, int end) =>
        [new(first, (first + end) / 2), new((first + end) / 2, end)];

    private int SumCount(LeafRange range) => cluster.Tree.CoverRange(range.First, range.End).Count;

    /// <summary>The oracle is slow, so that only two different steps' values are used, in turns.</summary>
    private FlatBuffer Right(long step, Subtree subtree) =>
        CollectionsMarshal.GetValueRefOrAddDefault(sums, (step % 2, subtree), out _)
            ??= cluster.SumOf(step % 2, subtree);
}

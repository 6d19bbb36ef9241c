using System.Net;
using Gpt2Cluster.Compute;
using Gpt2Cluster.Compute.Torch;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Runs.Planning;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Workers;
using Gpt2Cluster.Exchange;
using Gpt2Cluster.Grains.Workers;
using Gpt2Cluster.Grains.Workers.Replicas;
using Gpt2Cluster.Grains.Workers.Windows;
using TorchSharp;

namespace Gpt2Cluster.Grains.Tests.Workers;

/// <summary>
/// Cards of one silo serve one run: real replicas of the torch backend on memory that no pointer reaches, real steps
/// and a real exchange; only the cards are none, and the coordinator's part is played.
/// </summary>
public sealed class CardsOfOneSiloTests
{
    private const int StepCount = 3;
    private const int LeafCount = 8;
    private const ulong Seed = 11;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private static readonly ModelShape Shape = new(97, 24, 64, 2, 2);

    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.BFloat16)]
    public async Task Two_cards_of_one_model_serve_an_exact_run_with_the_bits_of_one(Precision precision)
    {
        var cards = Cards(2);
        Assert.Equal(cards.Profile(0, precision, 1), cards.Profile(1, precision, 1));

        var one = await Train(precision, 1);
        var two = await Train(precision, 2);
        var twoSilos = await Train(precision, 1, 1);
        var twoSilosOfTwo = await Train(precision, 2, 2);
        var unequalSilos = await Train(precision, 3, 1);
        var hashes = new[] { one, two, twoSilos, twoSilosOfTwo, unequalSilos }.SelectMany(end => end.Hashes);
        Assert.Single(hashes.Distinct());

        Assert.All(one.ReceivedBytes.Concat(two.ReceivedBytes), bytes => Assert.Equal(0, bytes));
        Assert.All(twoSilos.ReceivedBytes, bytes => Assert.NotEqual(0, bytes));
        Assert.Equal(twoSilos.ReceivedBytes, twoSilosOfTwo.ReceivedBytes);
    }

    /// <summary>
    /// Trains on silos of so many cards; returns every worker's state hash and what each silo got in the last step.
    /// </summary>
    private static async Task<(string[] Hashes, List<long> ReceivedBytes)> Train(
        Precision precision, params int[] cardCounts)
    {
        var channels = cardCounts.Select((_, silo) => new StripeChannel(new StripeChannelOptions
        {
            SiloName = $"silo-{silo}".Silo(),
            Address = IPAddress.Loopback,
            StripeElements = StripeLayout.MinStripeElements,
        })).ToList();
        try
        {
            var length = new ModelParameters(Shape, TrainableParameters.All, null).Trained.Length;
            var exchanges = channels.ConvertAll(channel => channel.Open("run1".Run(), length));
            var members = channels.ConvertAll(channel =>
                new ExchangeMember($"silo-{channels.IndexOf(channel)}".Silo(), "127.0.0.1", channel.Port));
            for (var silo = 0; silo < exchanges.Count; silo++)
            {
                exchanges[silo].Configure(new ExchangeMembership
                {
                    Run = "run1".Run(),
                    Generation = 1,
                    LeafCount = LeafCount,
                    Silos = members,
                    OwnIndex = silo,
                });
            }

            return await Train(precision, cardCounts, exchanges);
        }
        finally
        {
            foreach (var channel in channels)
                await channel.DisposeAsync();
        }
    }

    private static async Task<(string[] Hashes, List<long> ReceivedBytes)> Train(
        Precision precision, int[] cardCounts, List<IRunExchange> exchanges)
    {
        var silos = cardCounts.SelectMany((count, silo) => Enumerable.Repeat(silo, count)).ToList();
        var ranges = RangePlanner.Divide(LeafCount, [.. silos.Select(_ => 1.0)]);
        using var committed = new Barrier(silos.Count); // The next step is planned when all have reported.
        using var deadline = new CancellationTokenSource(Deadline);
        var workers = silos.Select((silo, index) => Task.Factory.StartNew(
            () => Work(index), deadline.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        var hashes = await Task.WhenAll(workers);
        var received = exchanges.ConvertAll(exchange => exchange.Figures(StepCount).ReceivedBytes);
        exchanges.ForEach(exchange => exchange.Dispose());
        return (hashes, received);

        string Work(int index)
        {
            var (silo, card) = (silos[index], index - silos.IndexOf(silos[index]));
            using var replica = Cards(cardCounts[silo]).Create(card, new ReplicaOptions
            {
                Shape = Shape,
                Precision = precision,
                Threads = 1,
                Seed = Seed,
            });
            replica.Initialize(Seed);
            var specification = Specifications.Small(Shape) with { MicroBatchCount = LeafCount };
            var windows = new DataLoader((step, leaf) => Task.FromResult(Windows(step, leaf)));
            var steps = new WorkerStep(
                replica, exchanges[silo], windows, specification.MicroBatchCount, TimeProvider.System);
            for (var step = 1; step <= StepCount; step++)
            {
                var plan = new PlanStep(
                    WorkerId.Parse(new WorkerId($"silo-{silo}".Silo(), card).ToString()),
                    1,
                    step,
                    [ranges[index]],
                    0.01,
                    [.. ranges.Where((_, other) => silos[other] == silo)],
                    IsAlone: silos.Count == 1);
                steps.Run(
                    new ComputeStep(new WorkerOrder(plan), new StepProgress(plan, before: null), ReportsExchange: true),
                    norm => StepUpdate.Of(specification, norm),
                    deadline.Token);
                committed.SignalAndWait(deadline.Token);
            }

            exchanges[silo].Withdraw(1); // Before the buffers go.
            return HashOf(replica);
        }
    }

    private static MicroBatch Windows(long step, int leaf)
    {
        var tokens = Enumerable.Range(0, 2 * 25).Select(index => (ushort)((step * 31 + leaf * 7 + index * index) % 97));
        return new MicroBatch(step, leaf, tokens.ToArray(), 2, 24);
    }

    private static string HashOf(IReplica replica)
    {
        byte[] Pieces(ReplicaPart part) =>
            ReplicaPieces.Of(replica, part, 0, StateHash.PieceCount(replica.Layout.Length));
        return StateHash.Combine(
            replica.Step, Pieces(ReplicaPart.Parameters), Pieces(ReplicaPart.FirstMoments),
            Pieces(ReplicaPart.SecondMoments));
    }

    private static ReplicaFactory Cards(int count) => new(
        ReplicaFactory.CardDevices(
        [
            .. Enumerable.Range(0, count).Select(number =>
                new CardDescription("NVIDIA H200", 9, 0, 132, 150_000_000_000, $"GPU-{number}", 12080, "cuBLAS 1")),
        ]),
        (_, precision, threads, _) => new TorchBackend(precision, threads, torch.CPU),
        _ => [Shape]);
}

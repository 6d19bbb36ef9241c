using System.Runtime.InteropServices;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>What came of a micro-batch that had too little memory, and then a little more, and so on.</summary>
/// <param name="Forward">How often memory ran out in the forward pass or in the head.</param>
/// <param name="Backward">How often it ran out in the backward pass.</param>
/// <param name="SameBits">
/// Whether a small micro-batch had the same gradient after every failure as before the first, and the large one in the
/// end as much room as it needs.
/// </param>
/// <param name="RoomBytes">What the large one needed beyond what was there.</param>
/// <param name="ForwardMessage">The first line of what libtorch said.</param>
/// <param name="BackwardMessage">The first line of what libtorch said.</param>
internal sealed record MemoryShortageResult(
    int Forward, int Backward, bool SameBits, long RoomBytes, string? ForwardMessage, string? BackwardMessage);

/// <summary>
/// Lets memory run out at many places of a micro-batch: the room it is given grows until it fits.
/// </summary>
internal static class MemoryShortage
{
    private const int MostRounds = 1000;

    // A small one, so that the blocks' backward pass is where memory peaks, and not the logits.
    private const int VocabularySize = 97;
    private const int HeadWidth = 64;
    private const int SmallLength = 64;

    /// <summary>A model whose memory is that of its blocks.</summary>
    public static ModelShape ShapeOf(int length, int width, int layers) =>
        new(VocabularySize, length, width, width / HeadWidth, layers);

    /// <summary>Runs on the calling thread.</summary>
    /// <exception cref="InvalidOperationException">The micro-batch never fitted.</exception>
    public static MemoryShortageResult Run(IReplicaFactory factory, ReplicaOptions options, int batchSize)
    {
        using var replica = factory.Create(0, options);
        replica.Initialize(1);
        var small = RepeatBenchmark.RandomBatch(options.Shape, 1, SmallLength);
        var large = RepeatBenchmark.RandomBatch(options.Shape, batchSize, options.Shape.ContextLength);
        var expected = RepeatBenchmark.HashOf(replica, small);
        using var limit = MemoryLimit.On(factory.Devices[0]);
        var result = new MemoryShortageResult(0, 0, true, 0, null, null);
        for (var round = 1; round <= MostRounds; round++)
        {
            limit.GiveMore();
            result = result with { RoomBytes = round * limit.BlockBytes };
            var problem = Try(replica, large);
            limit.Lift();
            if (problem is null)
                return result;
            result = After(result, problem, isBackward: replica.Times.HeadBackward > TimeSpan.Zero);
            result = result with
            {
                SameBits = result.SameBits && RepeatBenchmark.HashOf(replica, small) == expected,
            };
        }

        throw new InvalidOperationException($"It did not fit into {result.RoomBytes} bytes more.");
    }

    private static string? Try(IReplica replica, in MicroBatch batch)
    {
        try
        {
            RepeatBenchmark.HashOf(replica, batch);
            return null;
        }
        catch (Exception problem) when (problem is ExternalException or OutOfMemoryException)
        {
            // Not by its words: oneDNN calls it "could not create a primitive". What never fits is no shortage.
            var lines = problem.Message.Split('\n');
            var line = lines.LastOrDefault(line => line.Contains("Error: ", StringComparison.Ordinal)) ?? lines[0];
            return line[(line.IndexOf("] err == 0. ", StringComparison.Ordinal) is var at and >= 0 ? at + 12 : 0)..];
        }
    }

    private static MemoryShortageResult After(MemoryShortageResult before, string problem, bool isBackward) =>
        isBackward
            ? before with { Backward = before.Backward + 1, BackwardMessage = before.BackwardMessage ?? problem }
            : before with { Forward = before.Forward + 1, ForwardMessage = before.ForwardMessage ?? problem };
}

using System.Diagnostics;
using System.Security.Cryptography;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Randomness;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>What came out of one micro-batch that was computed again and again.</summary>
/// <param name="Times">How often.</param>
/// <param name="DistinctHashes">How many different gradients there were: 1 where a device repeats itself.</param>
/// <param name="Hash">Of the first gradient: SHA-256, lower-case hexadecimal.</param>
/// <param name="Loss">Of the first, nats a token.</param>
/// <param name="SecondsPerMicroBatch">The median, hashing left out.</param>
internal sealed record RepeatResult(
    int Times, int DistinctHashes, string Hash, double Loss, double SecondsPerMicroBatch);

/// <summary>Whether a device computes the same bits again.</summary>
internal static class RepeatBenchmark
{
    /// <summary>Computes one micro-batch of random tokens several times from the same parameters.</summary>
    public static RepeatResult Run(
        IReplicaFactory factory, ReplicaOptions options, int batchSize, int sequenceLength, int times)
    {
        using var replica = factory.Create(0, options);
        replica.Initialize(1);
        var batch = RandomBatch(options.Shape, batchSize, sequenceLength);
        var found = Enumerable.Range(0, times).Select(_ =>
        {
            var began = Stopwatch.GetTimestamp();
            var (loss, sums) = Compute(replica, batch);
            var seconds = Stopwatch.GetElapsedTime(began, sums.Until).TotalSeconds;
            return (Loss: loss, Hash: Hash(replica, sums), Seconds: seconds);
        }).ToList();
        return new RepeatResult(
            times,
            found.Select(one => one.Hash).Distinct().Count(),
            found[0].Hash,
            found[0].Loss,
            found.Select(one => one.Seconds).Order().ElementAt(times / 2));
    }

    /// <summary>The hash of a micro-batch's gradient.</summary>
    public static string HashOf(IReplica replica, in MicroBatch batch) =>
        Hash(replica, Compute(replica, batch).Sums);

    /// <summary>Windows of random tokens, always the same ones.</summary>
    public static MicroBatch RandomBatch(ModelShape shape, int batchSize, int sequenceLength)
    {
        var stream = new RandomStream(1, RandomPurpose.Synthetic);
        var tokens = new ushort[batchSize * (sequenceLength + 1)];
        for (var index = 0; index < tokens.Length; index++)
            tokens[index] = (ushort)stream.Below(index, shape.VocabularySize);
        return new MicroBatch(1, 0, tokens, batchSize, sequenceLength);
    }

    private static (double Loss, LastSums Sums) Compute(IReplica replica, in MicroBatch batch)
    {
        var sink = new LastSums();
        replica.BeginStep(1, [new LeafRange(0, 1)], 1);
        var loss = replica.ComputeMicroBatch(batch, sink);
        sink.Until = Stopwatch.GetTimestamp();
        return (loss, sink);
    }

    private static string Hash(IReplica replica, LastSums sums)
    {
        const int PieceElements = 1 << 20;
        var length = replica.Layout.Length;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var start = 0L; start < length; start += PieceElements)
            hash.AppendData(sums.Buffer!.Bytes(start, (int)Math.Min(PieceElements, length - start)));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}

using System.Security.Cryptography;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Randomness;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute;

/// <summary>What a device's bits are known by: the gradients of canonical micro-batches, computed twice.</summary>
/// <param name="Hash">SHA-256, lower-case hexadecimal, of the gradients of the first time.</param>
/// <param name="IsRepeated">Whether the second time gave the same bits.</param>
internal readonly record struct Fingerprint(string Hash, bool IsRepeated)
{
    private const int Seed = 20190214;
    private const int Windows = 2;

    // One that the fused kernels take, and one that they do not; neither fills its tiles.
    private static readonly ModelShape[] SmallShapes = [new(500, 70, 128, 4, 2), new(500, 70, 72, 3, 2)];

    /// <summary>
    /// GPT-2's widths, heads, windows and vocabulary in two layers. A card chooses kernels by such sizes, and those
    /// that add up in no fixed order do so only over many keys and rows; there it takes some hundredths of a second
    /// (by its operations; no card has been timed).
    /// </summary>
    private static readonly ModelShape RealShape = new(50_257, 1024, 768, 12, 2);

    /// <summary>
    /// The shapes whose gradients make a device's fingerprint. Hashes of those of processors are stored in runs.
    /// </summary>
    public static IReadOnlyList<ModelShape> Shapes(Device device) =>
        device.IsCard ? [.. SmallShapes, RealShape] : SmallShapes;

    /// <summary>Computes a device's fingerprint over some shapes, on the calling thread.</summary>
    public static Fingerprint Of(
        IReplicaFactory replicas, Device device, Precision precision, int threads, IReadOnlyList<ModelShape> shapes)
    {
        using var first = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var second = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var shape in shapes)
        {
            using var replica = replicas.Create(device.Index, new ReplicaOptions
            {
                Shape = shape,
                Precision = precision,
                Threads = threads,
                Seed = Seed,
                Optimizer = new OptimizerOptions { Kind = OptimizerKind.Sgd }, // No moments.
            });
            replica.Initialize(Seed);
            var batch = Batch(shape);
            foreach (var hash in new[] { first, second })
            {
                replica.BeginStep(1, [new LeafRange(0, 1)], 1);
                replica.ComputeMicroBatch(batch, new HashingSink(hash));
            }
        }

        var bits = first.GetHashAndReset();
        return new Fingerprint(Convert.ToHexStringLower(bits), bits.SequenceEqual(second.GetHashAndReset()));
    }

    private static MicroBatch Batch(ModelShape shape)
    {
        var stream = new RandomStream(Seed, RandomPurpose.Synthetic);
        var tokens = new ushort[Windows * (shape.ContextLength + 1)];
        for (var index = 0; index < tokens.Length; index++)
            tokens[index] = (ushort)stream.Below(index, shape.VocabularySize);
        return new MicroBatch(1, 0, tokens, Windows, shape.ContextLength);
    }

    private sealed class HashingSink(IncrementalHash hash) : IContributionSink
    {
        public void Contribute(Subtree subtree, FlatBuffer sums, long start, long end) =>
            hash.AppendData(sums.Bytes(start, checked((int)(end - start))));
    }
}

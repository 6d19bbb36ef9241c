using System.Security.Cryptography;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Compute.Torch;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Randomness;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;
using TorchSharp;

namespace Gpt2Cluster.Compute.Tests;

public sealed class FingerprintTests
{
    private const ulong Seed = 20190214;

    private static readonly CardDescription Card =
        new("NVIDIA H200", 9, 0, 132, 150_000_000_000, "GPU-1", 12080, "cuBLAS 1");

    private static readonly ModelShape[] Small = [new(50, 16, 8, 2, 1)];

    [Fact]
    public void Cards_are_known_by_a_micro_batch_of_the_real_widths()
    {
        var shapes = Fingerprint.Shapes(ReplicaFactory.CardDevices([Card])[0]);
        Assert.Contains(shapes, shape => shape is { Width: 768, HeadCount: 12, ContextLength: 1024, LayerCount: 2 });
        Assert.DoesNotContain(Fingerprint.Shapes(ReplicaFactory.CpuDevices(1)[0]), shape => shape.Width >= 768);
    }

    /// <summary>Runs store it: a worker that computes the same must not be refused by another way to name it.</summary>
    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.BFloat16)]
    public void A_processors_fingerprint_is_the_hash_of_two_gradients(Precision precision)
    {
        var factory = new ReplicaFactory(ReplicaFactory.CpuDevices(1));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var width in new[] { (Channels: 128, Heads: 4), (Channels: 72, Heads: 3) })
        {
            var shape = new ModelShape(500, 70, width.Channels, width.Heads, 2);
            using var replica = factory.Create(
                0, new ReplicaOptions { Shape = shape, Precision = precision, Threads = 1, Seed = Seed });
            replica.Initialize(Seed);
            replica.BeginStep(1, [new LeafRange(0, 1)], 1);
            var stream = new RandomStream(Seed, RandomPurpose.Synthetic);
            var tokens = Enumerable.Range(0, 2 * 71).Select(index => (ushort)stream.Below(index, 500));
            replica.ComputeMicroBatch(new MicroBatch(1, 0, tokens.ToArray(), 2, 70), new HashingSink(hash));
        }

        var profile = factory.Profile(0, precision, 1);
        Assert.Equal(Convert.ToHexStringLower(hash.GetHashAndReset()), profile.Fingerprint);
        Assert.True(profile.RepeatsItself);
    }

    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.BFloat16)]
    public void Two_cards_of_one_model_have_one_profile(Precision precision)
    {
        var factory = Cards(2);
        Assert.Equal(factory.Profile(0, precision, 1), factory.Profile(1, precision, 1));
        Assert.True(factory.Profile(0, precision, 1).RepeatsItself);
    }

    [Fact]
    public void A_device_that_gives_other_bits_the_second_time_says_so()
    {
        var factory = new ReplicaFactory(
            ReplicaFactory.CardDevices([Card]),
            (_, precision, threads, shape) =>
                new ForgetfulBackend(new PortableCpuBackend(precision, threads, false, shape)),
            _ => Small);
        Assert.False(factory.Profile(0, Precision.Float32, 1).RepeatsItself);
    }

    private static ReplicaFactory Cards(int count) => new(
        ReplicaFactory.CardDevices(
            [.. Enumerable.Range(0, count).Select(number => Card with { Uuid = $"GPU-{number}" })]),
        (_, precision, threads, _) => new TorchBackend(precision, threads, torch.CPU),
        _ => Small);

    private sealed class HashingSink(IncrementalHash hash) : IContributionSink
    {
        public void Contribute(Subtree subtree, FlatBuffer sums, long start, long end) =>
            hash.AppendData(sums.Bytes(start, checked((int)(end - start))));
    }
}

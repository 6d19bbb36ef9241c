using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Tests.Int8;

/// <summary>What decoding with weights of eight bits gives, beside decoding in fp32.</summary>
public sealed class Int8DecodingTests
{
    /// <summary>
    /// Weights of a normal distribution lie within some three and a half standard deviations, of which 127 steps are
    /// 0.8 % of one each: a product is off by that over the root of twelve, 0.25 of a step, and a few of them follow
    /// upon each other.
    /// </summary>
    private const double RelativeTolerance = 0.03;

    [Theory]
    [InlineData(Route.Cpu)]
    [InlineData(Route.CpuWithFastBFloat16)]
    public void Logits_stay_near(Route route)
    {
        using var mode = TorchSharp.torch.no_grad();
        using var exact = Replicas.Golden();
        using var rounded = Replicas.Golden(
            new ReplicaOptions
            {
                Shape = Golden.Shape,
                Precision = route == Route.Cpu ? Precision.Float32 : Precision.BFloat16,
                DecodesInEightBits = true,
            },
            route);
        var (expected, found) = (Logits(exact), Logits(rounded));
        var mean = expected.Average();
        var spread = Math.Sqrt(expected.Average(logit => (logit - mean) * (logit - mean)));
        var error = Math.Sqrt(expected.Zip(found).Average(pair => Math.Pow(pair.First - pair.Second, 2)));
        Assert.InRange(error / spread, 1e-6, RelativeTolerance);
    }

    [Fact]
    public void A_card_refuses()
    {
        var options = Replicas.Tiny with { DecodesInEightBits = true };
        var factory = new ReplicaFactory(ReplicaFactory.CpuAsCard());
        Assert.Throws<ArgumentException>(() => factory.Create(0, options));
        Assert.False(factory.Devices[0].DecodesInEightBits);
        using var replica = new ReplicaFactory(ReplicaFactory.CpuDevices(1)).Create(0, options);
        Assert.NotNull(replica);
    }

    private static List<double> Logits(Replica replica)
    {
        var tokens = Golden.Inputs().Take(Golden.SequenceLength).ToArray();
        using var decoder = replica.NewDecoder();
        using var cache = decoder.NewCache(tokens.Length);
        var logits = new List<double>();
        decoder.Start([tokens[0]], [cache]);
        foreach (var token in tokens[1..])
        {
            foreach (var logit in decoder.Continue([cache], new[] { token }).Row(0))
                logits.Add(logit);
        }

        return logits;
    }
}

using System.Diagnostics;
using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>What came out.</summary>
/// <param name="TokensPerSecond">Of all samples together; the prompt is not counted.</param>
/// <param name="SecondsPerToken">Median of the time from one token (of every sample) to the next.</param>
/// <param name="FirstQuarterSecondsPerToken">The same over the first quarter of the text.</param>
/// <param name="LastQuarterSecondsPerToken">The same over the last quarter: generation should be flat in
/// length.</param>
/// <param name="ProductsSecondsPerToken">The products of one token alone, median, in the same run.</param>
/// <param name="ReadBandwidthShare">Bytes of weights a second while generating, over the bytes memory yields.</param>
public sealed record GenerateBenchmarkResult(
    double TokensPerSecond,
    double SecondsPerToken,
    double FirstQuarterSecondsPerToken,
    double LastQuarterSecondsPerToken,
    double ProductsSecondsPerToken,
    double ReadBandwidthShare);

/// <summary>Times generation with a key/value cache against what bounds it.</summary>
public static class GenerateBenchmark
{
    private const int ProductRepetitions = 30;

    /// <summary>Runs on the calling thread.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled between two tokens.</exception>
    public static GenerateBenchmarkResult Run(
        IReplicaFactory factory, GenerateBenchmarkOrder order, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(factory);
        ArgumentNullException.ThrowIfNull(order);
        using var replica = (Replica)factory.Create(order.DeviceIndex, new ReplicaOptions
        {
            Shape = order.Shape,
            Precision = order.Precision.Products,
            DecodesInEightBits = order.Precision.InEightBits,
            Threads = order.Threads,
            Trains = false,
        });
        replica.Initialize(1);
        var seconds = TimeTokens(replica, order, cancellation);
        var (products, weightBytes) = TimeProducts(replica, order.Count);
        var median = Medians.Of(seconds);
        var quarter = Math.Max(1, seconds.Length / 4);
        return new GenerateBenchmarkResult(
            seconds.Length * order.Count / seconds.Sum(),
            median,
            Medians.Of(seconds[..quarter]),
            Medians.Of(seconds[^quarter..]),
            products,
            weightBytes / median / ReadBandwidth(order.Threads));
    }

    /// <summary>The times between tokens; the first, which reads the prompt, is left out.</summary>
    private static double[] TimeTokens(
        Replica replica, GenerateBenchmarkOrder order, CancellationToken cancellation)
    {
        var times = new List<long>();
        var request = new GenerationRequest { Prompt = [0], Length = order.Length, Count = order.Count, TopK = 40 };
        replica.Generate(
            request,
            token =>
            {
                if (token.Sample == 0)
                    times.Add(Stopwatch.GetTimestamp());
            },
            cancellation);
        return [.. times.Zip(times.Skip(1), (from, to) => Stopwatch.GetElapsedTime(from, to).TotalSeconds)];
    }

    private static (double Seconds, long WeightBytes) TimeProducts(Replica replica, int count)
    {
        using var mode = TorchSharp.torch.no_grad();
        using var decoder = replica.NewDecoder();
        var seconds = new double[ProductRepetitions];
        for (var repetition = 0; repetition < seconds.Length; repetition++)
        {
            var start = Stopwatch.GetTimestamp();
            decoder.MultiplyAll(count);
            seconds[repetition] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        return (Medians.Of(seconds), decoder.WeightBytes);
    }

    /// <summary>
    /// Bytes a second all threads together can read from memory: the best of a few passes over 512 MiB.
    /// </summary>
    private static unsafe double ReadBandwidth(int threads)
    {
        const int Passes = 5;
        const int PartFloats = 1 << 18;
        using var team = new ThreadTeam(threads);
        using var buffer = FlatBuffer.Allocate(1L << 27);
        var best = double.MaxValue;
        for (var pass = 0; pass < Passes; pass++)
        {
            var start = Stopwatch.GetTimestamp();
            team.For((int)(buffer.Length / PartFloats), 1, (from, to) =>
            {
                Vector256<float> a = default, b = default, c = default, d = default;
                var end = (float*)buffer.Pointer + ((long)to * PartFloats);
                for (var at = (float*)buffer.Pointer + ((long)from * PartFloats); at < end; at += 32)
                {
                    a += Vector256.Load(at);
                    b += Vector256.Load(at + 8);
                    c += Vector256.Load(at + 16);
                    d += Vector256.Load(at + 24);
                }

                GC.KeepAlive((a + b + c + d)[0]);
            });
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return buffer.LengthBytes / best;
    }
}

using Gpt2Cluster.Compute.Generation;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Randomness;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>What is trained, and how.</summary>
/// <param name="Preset">The model's.</param>
/// <param name="Steps">Steps of one micro-batch.</param>
/// <param name="BatchSize">Windows of a micro-batch.</param>
/// <param name="SequenceLength">Tokens of a window, also of those that are decoded.</param>
/// <param name="Threads">Intra-op threads.</param>
internal sealed record Int8BenchmarkOptions(
    Preset Preset, int Steps, int BatchSize, int SequenceLength, int Threads);

/// <summary>What came out.</summary>
/// <param name="TrainingLoss">Of the last step, nats a token.</param>
/// <param name="Loss">Of decoding in the precision on the held-out text, nats a token.</param>
/// <param name="Int8Loss">The same with weights of eight bits.</param>
/// <param name="Difference">The second less the first.</param>
/// <param name="Targets">Tokens that both losses are means over.</param>
/// <param name="SameLikeliest">The share of targets where both hold the same token for the likeliest.</param>
/// <param name="GreedyEqual">Of 50 tokens that are continued greedily, how many are equal; for each prompt.</param>
internal sealed record Int8BenchmarkResult(
    double TrainingLoss,
    double Loss,
    double Int8Loss,
    double Difference,
    int Targets,
    double SameLikeliest,
    IReadOnlyList<int> GreedyEqual);

/// <summary>
/// What eight bits cost: trains a model on nine tenths of a text and decodes the last tenth, token by token with
/// key/value caches, once in bf16 and once with weights of eight bits.
/// </summary>
internal static class Int8Benchmark
{
    private const int WindowCount = 32;
    private const int PromptCount = 8;
    private const int PromptLength = 16;
    private const int GreedyLength = 50;
    private const int WarmUpSteps = 20;

    /// <summary>Trains and compares.</summary>
    public static Int8BenchmarkResult Run(IReplicaFactory factory, Int8BenchmarkOptions options, string text)
    {
        ushort[] tokens = [.. new Gpt2Tokenizer().Encode(text).Select(token => (ushort)token)];
        var held = tokens.Length / 10;
        using var trained = Create(factory, options, trains: true, inEightBits: false);
        trained.Initialize(1);
        var loss = Train(trained, options, tokens.AsMemory(0, tokens.Length - held));
        using var plain = Copy(factory, options, trained, inEightBits: false);
        using var rounded = Copy(factory, options, trained, inEightBits: true);
        var windows = Windows(tokens.AsMemory(tokens.Length - held), options.SequenceLength);
        var (first, second) = (Decode(plain, windows), Decode(rounded, windows));
        var (mean, roundedMean) = (first.Average(one => one.Loss), second.Average(one => one.Loss));
        return new Int8BenchmarkResult(
            loss,
            mean,
            roundedMean,
            roundedMean - mean,
            first.Count,
            first.Zip(second).Average(pair => pair.First.Likeliest == pair.Second.Likeliest ? 1.0 : 0),
            [.. windows.Take(PromptCount).Select(window => GreedyEqual(plain, rounded, window))]);
    }

    private static Replica Create(
        IReplicaFactory factory, Int8BenchmarkOptions options, bool trains, bool inEightBits) =>
        (Replica)factory.Create(0, new ReplicaOptions
        {
            Shape = options.Preset.Shape,
            Precision = Precision.BFloat16,
            DecodesInEightBits = inEightBits,
            Threads = options.Threads,
            Trains = trains,
        });

    private static double Train(Replica replica, Int8BenchmarkOptions options, ReadOnlyMemory<ushort> tokens)
    {
        var loss = 0.0;
        for (var step = 1; step <= options.Steps; step++)
        {
            var sink = new LastSums();
            replica.BeginStep(step, [new LeafRange(0, 1)], 1);
            loss = replica.ComputeMicroBatch(Batch(options, tokens, step), sink);
            var norm = replica.GradientNorm(sink.Buffer!);
            var rate = options.Preset.ScratchDefaults.LearningRate * Math.Min(1, (double)step / WarmUpSteps);
            replica.Apply(sink.Buffer!, step, rate, Math.Min(1, 1 / norm));
        }

        return loss;
    }

    private static MicroBatch Batch(Int8BenchmarkOptions options, ReadOnlyMemory<ushort> tokens, int step)
    {
        var stream = new RandomStream(1, RandomPurpose.Synthetic, step);
        var windows = Enumerable.Range(0, options.BatchSize).SelectMany(window =>
            tokens.Slice(stream.Below(window, tokens.Length - options.SequenceLength - 1), options.SequenceLength + 1)
                .ToArray());
        return new MicroBatch(step, 0, windows.ToArray(), options.BatchSize, options.SequenceLength);
    }

    private static Replica Copy(
        IReplicaFactory factory, Int8BenchmarkOptions options, Replica trained, bool inEightBits)
    {
        var copy = Create(factory, options, trains: false, inEightBits);
        var some = new float[1 << 20];
        for (var start = 0L; start < trained.Layout.Length; start += some.Length)
        {
            var values = some.AsSpan(0, (int)Math.Min(some.Length, trained.Layout.Length - start));
            trained.Read(ReplicaPart.Parameters, start, values);
            copy.Write(ReplicaPart.Parameters, start, values);
        }

        copy.Loaded(trained.Step);
        return copy;
    }

    /// <summary>Windows of T tokens that stand evenly in a text.</summary>
    private static List<int[]> Windows(ReadOnlyMemory<ushort> text, int length) =>
    [
        .. Enumerable.Range(0, WindowCount).Select(index =>
            text.Slice((int)((long)index * (text.Length - length) / WindowCount), length).ToArray()
                .Select(token => (int)token).ToArray()),
    ];

    /// <summary>The loss of every token of the windows but the first, and what was held for likeliest.</summary>
    private static List<(double Loss, int Likeliest)> Decode(Replica replica, List<int[]> windows)
    {
        using var mode = TorchSharp.torch.no_grad();
        using var decoder = replica.NewDecoder();
        var found = new List<(double, int)>();
        foreach (var some in windows.Chunk(16))
        {
            var caches = some.Select(window => decoder.NewCache(window.Length)).ToList();
            var length = some[0].Length;
            foreach (var (window, cache) in some.Zip(caches))
                found.Add(LossOf(decoder.Start([window[0]], [cache]).Row(0), window[1]));
            for (var position = 1; position + 1 < length; position++)
            {
                var rows = decoder.Continue(caches, some.Select(window => window[position]).ToArray());
                for (var text = 0; text < some.Length; text++)
                    found.Add(LossOf(rows.Row(text), some[text][position + 1]));
            }

            caches.ForEach(cache => cache.Dispose());
        }

        return found;
    }

    private static (double Loss, int Likeliest) LossOf(ReadOnlySpan<float> logits, int target)
    {
        var likeliest = Sampler.Likeliest(logits);
        var sum = 0.0;
        foreach (var logit in logits)
            sum += Math.Exp(logit - logits[likeliest]);
        return (Math.Log(sum) + logits[likeliest] - logits[target], likeliest);
    }

    private static int GreedyEqual(Replica plain, Replica rounded, int[] window)
    {
        var prompt = window[..PromptLength];
        return Greedy(plain, prompt).Zip(Greedy(rounded, prompt)).Count(pair => pair.First == pair.Second);
    }

    private static List<int> Greedy(Replica replica, int[] prompt)
    {
        var tokens = new List<int>();
        var request = new GenerationRequest { Prompt = prompt, Length = GreedyLength, Temperature = 0 };
        replica.Generate(request, token => tokens.Add(token.Token), CancellationToken.None);
        return tokens;
    }
}

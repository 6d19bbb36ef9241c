using System.Runtime.InteropServices;
using CsCheck;
using Gpt2Cluster.Compute.Generation;
using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Tests;

/// <summary>
/// Texts that are decoded beside others, against the same texts alone: they must be the same, bit for bit.
/// </summary>
public sealed class TextBatchTests
{
    /// <summary>Widths that fill no vector, and one that fused kernels take.</summary>
    public static TheoryData<Precision, bool, Route, int, int> Ways => new()
    {
        { Precision.Float32, false, Route.Cpu, 32, 1 },
        { Precision.Float32, false, Route.Cpu, 28, 2 },
        { Precision.BFloat16, false, Route.Cpu, 32, 2 },
        { Precision.BFloat16, false, Route.CpuWithFastBFloat16, 32, 2 },
        { Precision.BFloat16, false, Route.CpuFused, 64, 2 },
        { Precision.Float32, false, Route.Tensors, 32, 2 },
        { Precision.BFloat16, false, Route.Tensors, 32, 2 },
        { Precision.Float32, true, Route.Cpu, 28, 2 },
        { Precision.BFloat16, true, Route.Cpu, 32, 1 },
        { Precision.BFloat16, true, Route.CpuWithFastBFloat16, 32, 2 },
        { Precision.BFloat16, true, Route.CpuFused, 64, 2 },
    };

    [Theory]
    [MemberData(nameof(Ways))]
    public void Logits_are_the_same_bits_whatever_is_decoded_beside_them(
        Precision precision, bool inEightBits, Route route, int width, int threads)
    {
        const int length = 6;
        using var mode = TorchSharp.torch.no_grad();
        using var replica = Fresh(precision, inEightBits, route, width, threads);
        using var decoder = replica.NewDecoder();
        foreach (var count in new[] { 1, 3, 8, 16 })
        {
            var prompts = Enumerable.Range(0, count).Select(index => Request(index + count).Prompt).ToList();
            var alone = prompts.Select((prompt, index) => Logits(decoder, [prompt], [index])[0]).ToList();
            var together = Logits(decoder, prompts, [.. Enumerable.Range(0, count)]);
            for (var text = 0; text < count; text++)
                Assert.Equal(alone[text], together[text]);
        }

        static List<List<int>> Logits(Decoder decoder, IReadOnlyList<IReadOnlyList<int>> prompts, int[] numbers)
        {
            var caches = prompts.Select(prompt => decoder.NewCache(prompt.Count + length)).ToList();
            var bits = prompts
                .Select((prompt, index) => Bits(decoder.Start(prompt, [caches[index]]).Row(0))).ToList();
            for (var position = 0; position < length; position++)
            {
                var rows = decoder.Continue(caches, numbers.Select(number => number + position).ToArray());
                for (var text = 0; text < prompts.Count; text++)
                    bits[text].AddRange(Bits(rows.Row(text)));
            }

            caches.ForEach(cache => cache.Dispose());
            return bits;
        }

        static List<int> Bits(ReadOnlySpan<float> logits) =>
            [.. MemoryMarshal.Cast<float, int>(logits)];
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_text_is_the_same_whatever_is_decoded_beside_it(
        Precision precision, bool inEightBits, Route route, int width, int threads)
    {
        using var replica = Fresh(precision, inEightBits, route, width, threads);
        foreach (var count in new[] { 1, 3, 8, 16, 21 })
        {
            var requests = Enumerable.Range(0, count).Select(index => Request(index)).ToList();
            AssertEachAsAlone(replica, requests, [.. requests.Select(_ => 0)]);
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Texts_join_and_leave_at_any_token(
        Precision precision, bool inEightBits, Route route, int width, int threads)
    {
        using var replica = Fresh(precision, inEightBits, route, width, threads);
        var many = Gen.Select(Gen.Int[0, 1000], Gen.Int[0, 9]).Array[1, 16];
        many.Sample(
            some => AssertEachAsAlone(
                replica, [.. some.Select(one => Request(one.Item1))], [.. some.Select(one => one.Item2)]),
            iter: 12,
            threads: 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Adapters_change_nothing_of_that(bool inEightBits)
    {
        using var replica = Replicas.Create(
            Replicas.Tiny with
            {
                DecodesInEightBits = inEightBits,
                Trainable = TrainableParameters.Lora,
                Lora = new LoraOptions { Rank = 3, Alpha = 6 },
            });
        replica.Initialize(3);
        var trained = Replicas.Parameters(replica).Select((_, index) => MathF.Sin(index) * 0.2f).ToArray();
        replica.Write(ReplicaPart.Parameters, 0, trained);
        replica.Loaded(1);
        var requests = Enumerable.Range(0, 8).Select(Request).ToList();
        AssertEachAsAlone(replica, requests, [.. requests.Select((_, index) => index % 3)]);
    }

    [Fact]
    public void A_text_that_nobody_wants_any_more_leaves()
    {
        using var replica = Fresh(Precision.Float32, false, Route.Cpu, 32, 1);
        using var texts = replica.NewTexts();
        var first = new List<int>();
        var second = new List<int>();
        texts.Join(Request(1) with { Length = 10, Count = 1, StopToken = null }, token => Took(first, token) < 3);
        texts.Join(Request(2) with { Length = 10, Count = 1, StopToken = null }, token => Took(second, token) < 100);
        Assert.Equal(2, texts.Count);
        while (texts.Count > 0)
            texts.Advance();
        Assert.Equal((3, 10), (first.Count, second.Count));
        texts.Join(Request(3) with { Length = 1, Count = 1 }, token => Took(first, token) < 100);
        Assert.Equal((0, 4), (texts.Count, first.Count));
        Assert.Throws<ArgumentException>(() => texts.Join(Request(4) with { Length = 24 }, _ => true));
        Assert.Equal(0, texts.Count);
    }

    /// <summary>Decodes requests together, each joining before a token of the batch.</summary>
    private static void AssertEachAsAlone(
        Replica replica, List<GenerationRequest> requests, int[] joinsAt)
    {
        var found = requests.Select(request => new List<(int, int)>()).ToList();
        using (var texts = replica.NewTexts())
        {
            for (var turn = 0; turn <= joinsAt.Max() || texts.Count > 0; turn++)
            {
                foreach (var index in Enumerable.Range(0, requests.Count).Where(index => joinsAt[index] == turn))
                {
                    texts.Join(requests[index], token =>
                    {
                        found[index].Add((token.Sample, token.Token));
                        return true;
                    });
                }

                if (texts.Count > 0)
                    texts.Advance();
            }
        }

        for (var index = 0; index < requests.Count; index++)
        {
            var alone = new List<(int, int)>();
            replica.Generate(
                requests[index], token => alone.Add((token.Sample, token.Token)), CancellationToken.None);
            Assert.Equal(alone, found[index]);
        }
    }

    /// <summary>A request of its own for each number: prompt, length, cuts, samples, and where it ends.</summary>
    private static GenerationRequest Request(int number) => new()
    {
        Prompt = [.. Enumerable.Range(0, 1 + (number % 5)).Select(index => ((number * 31) + (index * 17)) % 97)],
        Length = 1 + (number * 7 % 18),
        Count = 1 + (number % 2),
        Temperature = number % 3 == 0 ? 0 : 1.5,
        TopK = number % 4 == 0 ? 20 : 0,
        RepetitionPenalty = number % 5 == 0 ? 1.3 : 1,
        Seed = (ulong)number,
        StopToken = number % 7,
    };

    private static Replica Fresh(
        Precision precision, bool inEightBits, Route route, int width, int threads)
    {
        var replica = Replicas.Create(
            Replicas.Tiny with
            {
                Shape = new ModelShape(97, 24, width, 2, 2),
                Precision = precision,
                DecodesInEightBits = inEightBits,
                Threads = threads,
                Trains = false,
            },
            route);
        replica.Initialize(1);
        return replica;
    }

    private static int Took(List<int> tokens, GeneratedToken token)
    {
        tokens.Add(token.Token);
        return tokens.Count;
    }
}

using CsCheck;
using Gpt2Cluster.Compute.Generation;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Randomness;

namespace Gpt2Cluster.Compute.Tests;

/// <summary>The sampler against a dumb twin that sorts everything.</summary>
public sealed class SamplerTests
{
    private const int VocabularySize = 60;

    // The twin adds in another order, so draws that fall on a border could differ; none of these seeds hits one.
    private static readonly Gen<float[]> Logits = Gen.Int[-12, 12].Select(value => value / 4f).Array[VocabularySize];

    [Fact]
    public void Every_cut_agrees_with_the_twin() =>
        Gen.Select(Logits, Gen.Int[0, 70], Gen.Double[0, 1], Gen.Double[0.1, 2], Gen.Int[0, 1000]).Sample(
            (logits, topK, topP, temperature, position) =>
            {
                var request = Request(topK, topP, temperature);
                var drawn = new Sampler(request, VocabularySize).Draw(logits, 1, position, []);
                Assert.Equal(Twin(request, logits, 1, position), drawn);
            },
            iter: 2000,
            seed: "0000000000001");

    [Fact]
    public void Temperature_zero_takes_the_first_of_the_likeliest() =>
        Assert.Equal(2, new Sampler(Request(0, 0, 0), 5).Draw([1, 2, 7, 7, 3], 0, 0, []));

    [Fact]
    public void The_first_of_the_likeliest_is_found_wherever_it_stands() =>
        Gen.Select(Gen.Int[1, 100], Gen.Int[1, 4]).SelectMany(
            (count, most) => Gen.Int[0, most].Select(number => number == 4 ? float.NaN : number).Array[count]).Sample(
            logits =>
            {
                var best = 0;
                for (var index = 0; index < logits.Length; index++)
                    best = logits[index] > logits[best] ? index : best;
                Assert.Equal(best, Sampler.Likeliest(logits));
            },
            iter: 2000);

    [Fact]
    public void The_token_that_crosses_the_bound_is_kept()
    {
        // Probabilities 1/2, 1/4, 1/8, 1/8: three quarters are reached by two tokens, a little more takes a third.
        float[] logits = [3 * MathF.Log(2), 2 * MathF.Log(2), MathF.Log(2), MathF.Log(2)];
        Assert.Equal([0], Seen(logits, 0.4999));
        Assert.Equal([0, 1], Seen(logits, 0.7499));
        Assert.Equal([0, 1, 2], Seen(logits, 0.7501));
    }

    private static int[] Seen(float[] logits, double topP)
    {
        var sampler = new Sampler(Request(0, topP, 1), logits.Length);
        var drawn = Enumerable.Range(0, 2000).Select(position => sampler.Draw(logits, 0, position, []));
        return [.. drawn.Distinct().Order()];
    }

    private static GenerationRequest Request(int topK, double topP, double temperature) =>
        new() { Prompt = [0], Length = 1, TopK = topK, TopP = topP, Temperature = temperature, Seed = 8 };

    private static int Twin(GenerationRequest request, float[] logits, int sample, int position)
    {
        var sorted = Enumerable.Range(0, logits.Length)
            .OrderByDescending(token => logits[token]).ThenBy(token => token)
            .Take(request.TopK > 0 ? request.TopK : logits.Length).ToList();
        double Weight(int token) => Math.Exp((logits[token] - logits.Max()) / request.Temperature);
        if (request.TopP is > 0 and < 1)
        {
            var bound = request.TopP * sorted.Sum(Weight);
            var sum = 0.0;
            sorted = [.. sorted.TakeWhile(token => (sum += Weight(token)) - Weight(token) < bound)];
        }
        else if (request.TopK == 0 || request.TopK >= logits.Length)
        {
            sorted.Sort();
        }

        var unit = new RandomStream(request.Seed, RandomPurpose.Sampling, request.Step, sample).UnitDouble(position);
        var remaining = unit * sorted.Sum(Weight);
        return sorted.First(token => (remaining -= Weight(token)) < 0);
    }
}

using CsCheck;
using Gpt2Cluster.Compute.Generation;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Compute.Tests;

public sealed class LogitsProcessorTests
{
    private const int VocabularySize = 7;
    private const float Never = float.NegativeInfinity;

    private static readonly Gen<int[]> Texts = Gen.Int[0, VocabularySize + 1].Array[1, 20];

    [Fact]
    public void Repetition_divides_what_is_likely_and_multiplies_what_is_not_once_for_each_token() =>
        Assert.Equal(
            [2, -3, 5, -7, 0, 4, 3],
            Apply(Request with { RepetitionPenalty = 2 }, [4, -1.5f, 5, -3.5f, 0, 8, 3], [0, 1, 0, 3, 5, 5, 4]));

    [Fact]
    public void No_pair_comes_twice()
    {
        // 3 1 and 3 4 are there, and the text ends with 3.
        var logits = Apply(Request with { NoRepeatNgram = 2 }, [1, 2, 3, 4, 5, 6, 7], [3, 1, 2, 3, 4, 3]);
        Assert.Equal([1, Never, 3, 4, Never, 6, 7], logits);
    }

    [Fact]
    public void No_sequence_comes_twice_as_a_twin_finds_that_tries_every_token() =>
        Gen.Select(Gen.Int[1, 4], Texts).Sample((n, text) =>
        {
            var logits = Apply(Request with { NoRepeatNgram = n }, new float[VocabularySize], text);
            var forbidden = Enumerable.Range(0, VocabularySize).Where(token => Repeats([.. text, token], n)).ToList();
            if (forbidden.Count == VocabularySize)
                forbidden.Clear();
            Assert.Equal(forbidden, Enumerable.Range(0, VocabularySize).Where(token => logits[token] == Never));
        });

    [Fact]
    public void A_text_does_not_end_before_its_least_length()
    {
        var request = Request with { MinLength = 2, StopToken = 6 };
        Assert.Equal(Never, Apply(request, new float[VocabularySize], [1], position: 1)[6]);
        Assert.Equal(0, Apply(request, new float[VocabularySize], [1], position: 2)[6]);
    }

    [Fact]
    public void What_is_forbidden_is_not_drawn_however_little_else_there_is() =>
        Gen.Select(Gen.Int[0, 8], Gen.Double[0, 1], Gen.Int[0, 500]).Sample((topK, topP, position) =>
        {
            var request = Request with { NoRepeatNgram = 1, TopK = topK, TopP = topP, Length = 1000 };
            var sampler = new Sampler(request, VocabularySize);
            Assert.Equal(2, sampler.Draw([9, 9, -40, 9, 9, 9, 9], 0, position, [0, 1, 3, 4, 5, 6]));
        });

    private static GenerationRequest Request => new() { Prompt = [0], Length = 1 };

    private static bool Repeats(int[] tokens, int n) => tokens.Length > n
        && Enumerable.Range(0, tokens.Length - n)
            .Any(start => tokens.AsSpan(start, n).SequenceEqual(tokens.AsSpan(tokens.Length - n)));

    private static float[] Apply(GenerationRequest request, float[] logits, int[] text, int position = 0)
    {
        var before = logits.ToArray();
        var changed = new LogitsProcessor(request, VocabularySize).Apply(logits, position, text).ToArray();
        Assert.Equal(before, logits);
        return changed;
    }
}

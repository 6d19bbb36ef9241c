using System.Runtime.Intrinsics;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Randomness;

namespace Gpt2Cluster.Compute.Generation;

/// <summary>
/// Chooses the next token: what the text holds already (<see cref="LogitsProcessor"/>), then temperature, then the k
/// likeliest, then the nucleus (Holtzman et al. 2020).
/// </summary>
/// <param name="request">The request.</param>
/// <param name="vocabularySize">Only ids below this are drawn.</param>
internal sealed class Sampler(GenerationRequest request, int vocabularySize)
{
    // Beyond this, sorting everything is cheaper than inserting one by one.
    private const int MostSelected = 1024;

    private readonly bool selects = request.TopK is > 0 and <= MostSelected && request.TopK < vocabularySize;

    // Filled as the cuts need them.
    private int[] order = [];
    private float[] keys = [];
    private double[] weights = [];

    private readonly LogitsProcessor? processor =
        LogitsProcessor.IsAskedFor(request) ? new LogitsProcessor(request, vocabularySize) : null;

    /// <summary>
    /// Draws the token of one sample at one position; a function of logits, text, seed, step, sample and position.
    /// </summary>
    /// <param name="logits">V numbers or more; what is beyond is not looked at.</param>
    /// <param name="sample">The text's number in the request.</param>
    /// <param name="position">0 for the first token after the prompt.</param>
    /// <param name="tokens">Prompt and text so far.</param>
    public int Draw(ReadOnlySpan<float> logits, int sample, int position, IReadOnlyList<int> tokens)
    {
        logits = logits[..vocabularySize];
        if (processor is not null)
            logits = processor.Apply(logits, position, tokens);
        if (request.Temperature == 0)
            return Likeliest(logits);
        var stream = new RandomStream(request.Seed, RandomPurpose.Sampling, request.Step, sample);
        var unit = stream.UnitDouble(position);
        var count = Candidates(logits);
        var total = Weigh(logits, count);
        count = Nucleus(count, ref total);
        var remaining = unit * total;
        for (var index = 0; index < count; index++)
        {
            remaining -= weights[index];
            if (remaining < 0)
                return order[index];
        }

        // Rounding may leave a rest; what is forbidden has no weight.
        do
            count--;
        while (count > 0 && weights[count] == 0);
        return order[count];
    }

    /// <summary>The largest logit; the first of equals.</summary>
    public static int Likeliest(ReadOnlySpan<float> logits)
    {
        var best = 0;
        var index = 1;
        for (; index + 16 <= logits.Length; index += 16)
        {
            if (AnyIsGreater(logits, index, logits[best]))
                best = Likeliest(logits, best, index, index + 16);
        }

        return Likeliest(logits, best, index, logits.Length);
    }

    private static int Likeliest(ReadOnlySpan<float> logits, int best, int from, int to)
    {
        for (var index = from; index < to; index++)
        {
            if (logits[index] > logits[best])
                best = index;
        }

        return best;
    }

    /// <summary>Whether any of sixteen logits is greater than a number.</summary>
    private static bool AnyIsGreater(ReadOnlySpan<float> logits, int from, float number)
    {
        var some = logits.Slice(from, 16);
        var bound = Vector256.Create(number);
        return Vector256.GreaterThanAny(Vector256.Create(some), bound)
            || Vector256.GreaterThanAny(Vector256.Create(some[8..]), bound);
    }

    private bool CutsNucleus => request.TopP is > 0 and < 1;

    /// <summary>Fills the order: sorted, likeliest first, where a cut needs it; else all tokens as they come.</summary>
    private int Candidates(ReadOnlySpan<float> logits)
    {
        if (order.Length == 0)
            (order, weights) = (new int[Room], new double[Room]);
        if (selects)
            return SelectTop(logits, request.TopK);
        for (var index = 0; index < vocabularySize; index++)
            order[index] = index;
        var cutsTop = request.TopK > 0 && request.TopK < vocabularySize;
        if (!cutsTop && !CutsNucleus)
            return vocabularySize;
        SortByKeyThenIndex(logits);
        return cutsTop ? request.TopK : vocabularySize;
    }

    private int Room => selects ? request.TopK : vocabularySize;

    /// <summary>Keeps the k likeliest in order while passing once: few of fifty thousand ever get in.</summary>
    private int SelectTop(ReadOnlySpan<float> logits, int k)
    {
        var (count, index) = (0, 0);
        while (index < vocabularySize)
        {
            if (count == k && index + 16 <= vocabularySize && !AnyIsGreater(logits, index, logits[order[k - 1]]))
            {
                index += 16;
                continue;
            }

            for (var end = Math.Min(index + 16, vocabularySize); index < end; index++)
                count = Insert(logits, index, count, k);
        }

        return count;
    }

    private int Insert(ReadOnlySpan<float> logits, int index, int count, int k)
    {
        var logit = logits[index];
        if (count == k && !(logit > logits[order[k - 1]]))
            return count;
        var place = count < k ? count++ : k - 1;
        for (; place > 0 && logits[order[place - 1]] < logit; place--)
            order[place] = order[place - 1];
        order[place] = index;
        return count;
    }

    private void SortByKeyThenIndex(ReadOnlySpan<float> logits)
    {
        if (keys.Length == 0)
            keys = new float[vocabularySize];
        for (var index = 0; index < vocabularySize; index++)
            keys[index] = -logits[index];
        keys.AsSpan().Sort(order.AsSpan());
        for (int start = 0, end; start < vocabularySize; start = end)
        {
            for (end = start + 1; end < vocabularySize && keys[end] == keys[start];)
                end++;
            order.AsSpan(start, end - start).Sort();
        }
    }

    private double Weigh(ReadOnlySpan<float> logits, int count)
    {
        var largest = logits[Likeliest(logits)];
        var total = 0.0;
        for (var index = 0; index < count; index++)
        {
            weights[index] = Math.Exp((logits[order[index]] - largest) / request.Temperature);
            total += weights[index];
        }

        return total;
    }

    /// <summary>The token that crosses the bound is kept.</summary>
    private int Nucleus(int count, ref double total)
    {
        if (!CutsNucleus)
            return count;
        var bound = request.TopP * total;
        var sum = 0.0;
        var kept = 0;
        while (kept < count && sum < bound)
            sum += weights[kept++];
        total = sum;
        return kept;
    }
}

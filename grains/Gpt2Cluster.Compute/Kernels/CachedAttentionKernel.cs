using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// Attention of one new position to all before it, head by head, over a key/value cache: it reads every key and value
/// once and does nothing else, so its time is that of the memory it reads.
/// Shapes: S samples, H heads, P positions there is room for, D channels of a head, C = H D.
/// </summary>
internal static class CachedAttention
{
    /// <summary>Stores the new position's keys and values, and attends.</summary>
    /// <param name="team">Shares the heads.</param>
    /// <param name="qkv">(S, 3C).</param>
    /// <param name="keys">(S H P, D).</param>
    /// <param name="values">(S H P, D).</param>
    /// <param name="position">Of the new token; 0 and up.</param>
    /// <param name="result">(S, C).</param>
    public static void Attend<T>(
        ThreadTeam team, Matrix qkv, Matrix keys, Matrix values, int position, Matrix result)
        where T : struct, IElement
    {
        if (keys.Columns % 8 == 0)
            CachedAttentionKernel<T>.Attend(team, qkv, keys, values, position, result);
        else
            CachedAttentionKernel<AnyLength<T>>.Attend(team, qkv, keys, values, position, result);
    }
}

/// <summary>The loops of <see cref="CachedAttention"/>.</summary>
internal static unsafe class CachedAttentionKernel<T>
    where T : struct, IElement
{
    /// <summary>See <see cref="CachedAttention.Attend"/>.</summary>
    public static void Attend(
        ThreadTeam team, Matrix qkv, Matrix keys, Matrix values, int position, Matrix result)
    {
        var width = result.Columns;
        var headWidth = keys.Columns;
        var heads = width / headWidth;
        var room = keys.Rows / (qkv.Rows * heads);
        team.For(qkv.Rows * heads, 1, (from, to) =>
        {
            var scores = stackalloc float[position + 8];
            for (var head = from; head < to; head++)
            {
                var (sample, channel) = (head / heads, head % heads * headWidth);
                var query = qkv.Row(sample) + ((long)channel * T.Bytes);
                var key = keys.Row(head * room);
                var value = values.Row(head * room);
                Store(query + ((long)width * T.Bytes), key, position, headWidth);
                Store(query + (2L * width * T.Bytes), value, position, headWidth);
                Score(query, key, position + 1, headWidth, scores);
                var sum = Exponentiate(scores, position + 1);
                var into = result.Row(sample) + ((long)channel * T.Bytes);
                Mix(scores, 1 / sum, value, position + 1, headWidth, into);
            }
        });
    }

    private static void Store(byte* from, byte* cache, int position, int headWidth) =>
        new Span<byte>(from, headWidth * T.Bytes)
            .CopyTo(new Span<byte>(cache + ((long)position * headWidth * T.Bytes), headWidth * T.Bytes));

    private static void Score(byte* query, byte* keys, int count, int headWidth, float* scores)
    {
        var scale = 1 / MathF.Sqrt(headWidth);
        for (var position = 0; position < count; position++)
        {
            var key = keys + ((long)position * headWidth * T.Bytes);
            var sum = Vector256<float>.Zero;
            for (var i = 0; i < headWidth; i += 8)
                sum = Vector256.FusedMultiplyAdd(T.Load(query, i, headWidth), T.Load(key, i, headWidth), sum);
            scores[position] = VectorMath.Sum(sum) * scale;
        }
    }

    /// <summary>Scores become exponentials of their distance to the largest; returns their sum.</summary>
    private static float Exponentiate(float* scores, int count)
    {
        var largest = scores[0];
        for (var position = 1; position < count; position++)
            largest = MathF.Max(largest, scores[position]);
        for (var position = count; position % 8 != 0; position++)
            scores[position] = float.NegativeInfinity;
        var sum = 0f;
        for (var position = 0; position < count; position += 8)
        {
            VectorMath.Exp(Vector256.Load(scores + position) - Vector256.Create(largest)).Store(scores + position);
            for (var lane = position; lane < Math.Min(count, position + 8); lane++)
                sum += scores[lane];
        }

        return sum;
    }

    /// <summary>The values' mean, weighted by the exponentials.</summary>
    private static void Mix(float* weights, float factor, byte* values, int count, int headWidth, byte* into)
    {
        for (var i = 0; i < headWidth; i += 8)
        {
            var sum = Vector256<float>.Zero;
            for (var position = 0; position < count; position++)
            {
                var value = T.Load(values + ((long)position * headWidth * T.Bytes), i, headWidth);
                sum = VectorMath.MultiplyAdd(value, weights[position], sum);
            }

            T.Store(into, i, headWidth, sum * factor);
        }
    }
}

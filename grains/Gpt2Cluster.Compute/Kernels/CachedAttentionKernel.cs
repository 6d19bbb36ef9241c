using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// Attention of one new position of each of S texts to all before it, head by head, over their key/value caches: it
/// reads every key and value once and does nothing else, so its time is that of the memory it reads.
/// Shapes: S texts, H heads, P positions there is room for, D channels of a head, C = H D.
/// </summary>
internal static class CachedAttention
{
    /// <summary>Stores the new positions' keys and values, and attends.</summary>
    /// <param name="team">Shares the texts' heads.</param>
    /// <param name="qkv">(S, 3C).</param>
    /// <param name="caches">S caches.</param>
    /// <param name="result">(S, C).</param>
    public static void Attend<T>(ThreadTeam team, Matrix qkv, IReadOnlyList<CachedLayer> caches, Matrix result)
        where T : struct, IElement
    {
        if (caches[0].Keys.Columns % 8 == 0)
            CachedAttentionKernel<T>.Attend(team, qkv, caches, result);
        else
            CachedAttentionKernel<AnyLength<T>>.Attend(team, qkv, caches, result);
    }
}

/// <summary>The loops of <see cref="CachedAttention"/>.</summary>
internal static unsafe class CachedAttentionKernel<T>
    where T : struct, IElement
{
    /// <summary>See <see cref="CachedAttention.Attend"/>.</summary>
    public static void Attend(ThreadTeam team, Matrix qkv, IReadOnlyList<CachedLayer> caches, Matrix result)
    {
        var headWidth = caches[0].Keys.Columns;
        var heads = result.Columns / headWidth;
        var longest = caches.Max(cache => cache.Length);
        team.For(caches.Count * heads, 1, (from, to) =>
        {
            var scores = stackalloc float[longest + 8];
            var query = stackalloc float[headWidth + 8];
            for (var index = from; index < to; index++)
                AttendHead(qkv, caches[index / heads], index / heads, index % heads, heads, query, scores, result);
        });
    }

    private static void AttendHead(
        Matrix qkv, CachedLayer cache, int text, int head, int heads, float* query, float* scores, Matrix result)
    {
        var (position, headWidth) = (cache.Length, cache.Keys.Columns);
        var room = cache.Keys.Rows / heads;
        var key = cache.Keys.Row(head * room);
        var value = cache.Values.Row(head * room);
        var from = qkv.Row(text) + ((long)head * headWidth * T.Bytes);
        var width = (long)result.Columns * T.Bytes;
        Store(from + width, key, position, headWidth);
        Store(from + (2 * width), value, position, headWidth);
        for (var i = 0; i < headWidth; i += 8)
            T.Load(from, i, headWidth).Store(query + i);
        Score(query, key, position + 1, headWidth, value, scores);
        var sum = Exponentiate(scores, position + 1);
        var into = result.Row(text) + ((long)head * headWidth * T.Bytes);
        var next = key + ((long)room * headWidth * T.Bytes);
        Mix(scores, 1 / sum, value, position + 1, headWidth, next, into);
    }

    private static void Store(byte* from, byte* cache, int position, int headWidth) =>
        new Span<byte>(from, headWidth * T.Bytes)
            .CopyTo(new Span<byte>(cache + ((long)position * headWidth * T.Bytes), headWidth * T.Bytes));

    /// <summary>Asks for what is read next: a head's rows are too few for the processor to guess.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(byte* next, long bytes)
    {
        for (long at = 0; Sse.IsSupported && at < bytes; at += 64)
            Sse.Prefetch0(next + at);
    }

    private static void Score(
        float* query, byte* keys, int count, int headWidth, byte* next, float* scores)
    {
        var scale = 1 / MathF.Sqrt(headWidth);
        var rowBytes = (long)headWidth * T.Bytes;
        var position = 0;
        for (; position + 4 <= count; position += 4, keys += 4 * rowBytes, next += 4 * rowBytes)
        {
            Prefetch(next, 4 * rowBytes);
            Vector256<float> a = default, b = default, c = default, d = default;
            for (var i = 0; i < headWidth; i += 8)
            {
                var channels = Vector256.Load(query + i);
                a = Vector256.FusedMultiplyAdd(channels, T.Load(keys, i, headWidth), a);
                b = Vector256.FusedMultiplyAdd(channels, T.Load(keys + rowBytes, i, headWidth), b);
                c = Vector256.FusedMultiplyAdd(channels, T.Load(keys + (2 * rowBytes), i, headWidth), c);
                d = Vector256.FusedMultiplyAdd(channels, T.Load(keys + (3 * rowBytes), i, headWidth), d);
            }

            (VectorMath.SumEach(a, b, c, d) * scale).Store(scores + position);
        }

        for (; position < count; position++, keys += rowBytes)
        {
            var sum = Vector256<float>.Zero;
            for (var i = 0; i < headWidth; i += 8)
                sum = Vector256.FusedMultiplyAdd(Vector256.Load(query + i), T.Load(keys, i, headWidth), sum);
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

    /// <summary>The values' mean, weighted by the exponentials: 64 channels in one pass over the values.</summary>
    private static void Mix(
        float* weights, float factor, byte* values, int count, int headWidth, byte* next, byte* into)
    {
        var channel = 0;
        for (; channel + 64 <= headWidth; channel += 64)
            MixEight(weights, factor, values, count, headWidth, channel, next, into);
        for (; channel < headWidth; channel += 8)
        {
            var sum = Vector256<float>.Zero;
            var value = values;
            for (var position = 0; position < count; position++, value += headWidth * T.Bytes)
                sum = VectorMath.MultiplyAdd(T.Load(value, channel, headWidth), weights[position], sum);
            T.Store(into, channel, headWidth, sum * factor);
        }
    }

    private static void MixEight(
        float* weights, float factor, byte* values, int count, int headWidth, int channel, byte* next, byte* into)
    {
        Vector256<float> a = default, b = default, c = default, d = default;
        Vector256<float> e = default, f = default, g = default, h = default;
        var rowBytes = headWidth * T.Bytes;
        for (var position = 0; position < count; position++, values += rowBytes, next += rowBytes)
        {
            Prefetch(next, rowBytes);
            var weight = Vector256.Create(weights[position]);
            a = Vector256.FusedMultiplyAdd(T.Load(values, channel, headWidth), weight, a);
            b = Vector256.FusedMultiplyAdd(T.Load(values, channel + 8, headWidth), weight, b);
            c = Vector256.FusedMultiplyAdd(T.Load(values, channel + 16, headWidth), weight, c);
            d = Vector256.FusedMultiplyAdd(T.Load(values, channel + 24, headWidth), weight, d);
            e = Vector256.FusedMultiplyAdd(T.Load(values, channel + 32, headWidth), weight, e);
            f = Vector256.FusedMultiplyAdd(T.Load(values, channel + 40, headWidth), weight, f);
            g = Vector256.FusedMultiplyAdd(T.Load(values, channel + 48, headWidth), weight, g);
            h = Vector256.FusedMultiplyAdd(T.Load(values, channel + 56, headWidth), weight, h);
        }

        T.Store(into, channel, headWidth, a * factor);
        T.Store(into, channel + 8, headWidth, b * factor);
        T.Store(into, channel + 16, headWidth, c * factor);
        T.Store(into, channel + 24, headWidth, d * factor);
        T.Store(into, channel + 32, headWidth, e * factor);
        T.Store(into, channel + 40, headWidth, f * factor);
        T.Store(into, channel + 48, headWidth, g * factor);
        T.Store(into, channel + 56, headWidth, h * factor);
    }
}

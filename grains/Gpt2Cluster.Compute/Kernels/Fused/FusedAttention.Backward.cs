using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels.Fused;

/// <content>
/// The backward pass. Scores are computed transposed, keys by queries, so that probabilities and their gradients are
/// left operands as they come.
/// </content>
internal sealed unsafe partial class FusedAttention
{
    private void BackwardHead(int thread, int head, Matrix dresult, Matrix dqkv)
    {
        var space = new AttentionSpace(scratch[thread], padded, width);
        var query = At(qkv, head);
        var key = At(qkv, head, 1);
        var value = At(qkv, head, 2);
        var stride = qkv.Columns;
        var doutput = At(dresult, head);
        PackTiles(query, stride, space.QueryTiles);
        PackTiles(doutput, Width, space.OutputTiles);
        Packing.Interleave(query, stride, length, padded, width, space.Queries);
        Packing.Interleave(doutput, Width, length, padded, width, space.Outputs);
        Packing.Transpose(key, stride, length, padded, width, space.Keys, padded);
        FillStatistics(head, doutput, space);
        for (var first = 0; first < length; first += Tile)
        {
            BackwardTiles(space, key, value, first);
            BackwardKeys(space, first, At(dqkv, head, 1), At(dqkv, head, 2), dqkv.Columns);
        }

        for (var tile = 0; tile < length; tile += Tile)
        {
            var into = At(dqkv, head) + ((long)tile * dqkv.Columns);
            var count = Math.Min(Tile, length - tile);
            Tiles.StoreTransposed(
                space.QueryGradient + ((long)tile * width), Tile, width, count, into, dqkv.Columns);
        }
    }

    /// <summary>Sixty-four keys by all queries that see them; the queries' gradient grows.</summary>
    private void BackwardTiles(in AttentionSpace space, ushort* key, ushort* value, int first)
    {
        var rows = Math.Min(Tile, length - first);
        for (var tile = first; tile < length; tile += Tile)
        {
            MultiplyRows(key, first, rows, space.QueryTiles + ((long)tile * width), space.Scores);
            MultiplyRows(value, first, rows, space.OutputTiles + ((long)tile * width), space.Slopes);
            BackwardTile(space, first, tile, rows);
            Microkernel.Multiply(
                space.Keys + first,
                padded,
                space.PackedSlopes,
                Tile,
                space.QueryGradient + ((long)tile * width),
                Tile,
                (width, Tile, Tile),
                add: first > 0);
        }
    }

    /// <summary>Some rows of keys or values times a packed tile of queries or their result's gradient.</summary>
    private void MultiplyRows(ushort* left, int first, int rows, ushort* right, float* into) => Microkernel.Multiply(
        left + ((long)first * qkv.Columns), qkv.Columns, right, Tile, into, Tile, (rows, Tile, width));

    /// <summary>The gradients of sixty-four keys and of their values.</summary>
    private void BackwardKeys(in AttentionSpace space, int first, ushort* dkey, ushort* dvalue, long stride)
    {
        var rows = Math.Min(Tile, length - first);
        var shape = (Tile, width, padded - first); // All 64 rows: one shape less for the microkernel to keep.
        var from = (long)first * width;
        Microkernel.Multiply(
            space.Probabilities + first, padded, space.Outputs + from, width, space.Found, width, shape);
        StoreRows(space.Found, dvalue + (first * stride), stride, rows);
        Microkernel.Multiply(
            space.NarrowSlopes + first, padded, space.Queries + from, width, space.Found, width, shape);
        StoreRows(space.Found, dkey + (first * stride), stride, rows);
    }

    /// <summary>
    /// Each query's logarithm of its sum, infinite where there is no query, and the product of its result with that
    /// result's gradient.
    /// </summary>
    private void FillStatistics(int head, ushort* doutput, in AttentionSpace space)
    {
        var output = At(Result, head);
        for (var row = 0; row < padded; row++)
        {
            space.LogSums[row] = row < length ? logSums[(head * length) + row] : float.PositiveInfinity;
            var sum = Vector512<float>.Zero;
            for (var i = 0; row < length && i < width; i += Lanes.Count)
            {
                var place = ((long)row * Width) + i;
                sum = Vector512.FusedMultiplyAdd(Lanes.Load(output + place), Lanes.Load(doutput + place), sum);
            }

            space.Products[row] = Lanes.Sum(sum);
        }
    }

    /// <summary>
    /// Keys from <paramref name="first"/> on by queries from <paramref name="tile"/> on: scores become probabilities,
    /// their gradients those of the scores before the scale, two keys at a time.
    /// </summary>
    private void BackwardTile(in AttentionSpace space, int first, int tile, int rows)
    {
        for (var row = 0; row < Tile; row += 2)
        {
            for (var i = 0; i < Tile; i += Lanes.Count)
            {
                var (place, query) = ((row * Tile) + i, tile + i);
                var (upper, upperSlope) = row < rows ? Slope(space, place, first + row, query) : default;
                var (lower, lowerSlope) = row + 1 < rows ? Slope(space, place + Tile, first + row + 1, query) : default;
                var into = ((long)row * padded) + query;
                Lanes.StoreBits(space.Probabilities + into, upper);
                Lanes.StoreBits(space.Probabilities + into + padded, lower);
                Lanes.StoreBits(space.NarrowSlopes + into, upperSlope);
                Lanes.StoreBits(space.NarrowSlopes + into + padded, lowerSlope);
                (upperSlope | (lowerSlope << 16)).Store((uint*)(space.PackedSlopes + (row * Tile)) + i);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (Vector512<uint> Probability, Vector512<uint> Slope) Slope(
        in AttentionSpace space, int place, int key, int query)
    {
        var factor = Vector512.Create(scale);
        var power = Vector512.FusedMultiplyAdd(
            Vector512.Load(space.Scores + place), factor, -Vector512.Load(space.LogSums + query));
        var probability = Lanes.Exp(power);
        if (key > query || query + Lanes.Count > length)
        {
            var queries = Lanes.Indices + Vector512.Create(query);
            var seen = Vector512.GreaterThanOrEqual(queries, Vector512.Create(key))
                & Vector512.LessThan(queries, Vector512.Create(length));
            probability = Vector512.ConditionalSelect(seen.AsSingle(), probability, Vector512<float>.Zero);
        }

        var gradient = probability
            * (Vector512.Load(space.Slopes + place) - Vector512.Load(space.Products + query)) * factor;
        return (Lanes.Round(probability), Lanes.Round(gradient));
    }

    private void StoreRows(float* output, ushort* into, long stride, int rows)
    {
        for (var row = 0; row < rows; row++)
        {
            for (var i = 0; i < width; i += Lanes.Count)
                Lanes.Store(into + (row * stride) + i, Vector512.Load(output + ((long)row * width) + i));
        }
    }
}

using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels.Fused;

/// <summary>
/// Attention in bf16 by the <see cref="Microkernel"/>: a task is one head of one window, in tiles of 64 queries by 64
/// keys; tiles that the mask hides are never computed. Scores stay in fp32 until they are probabilities. Forward keeps
/// the logarithm of each query's sum, from which backward computes the probabilities again (Dao et al. 2022).
/// Shapes: N = B T rows, H heads, D channels of a head (a multiple of 32), C = H D, Tp = T rounded up to 64.
/// </summary>
internal sealed unsafe partial class FusedAttention : IAttention
{
    private const int Tile = FusedLinear.TileColumns;

    private readonly ThreadTeam team;
    private readonly WorkerScratch[] scratch;
    private readonly Matrix qkv; // (N, 3C), the block's
    private readonly float[] logSums; // (B H, T); empty without backward
    private readonly int length; // T
    private readonly int padded; // Tp
    private readonly int heads; // H
    private readonly int width; // D
    private readonly float scale;

    /// <summary>Attends.</summary>
    /// <param name="team">Shares the heads.</param>
    /// <param name="scratch">One for each of the team's threads.</param>
    /// <param name="qkv">(N, 3C): queries, keys and values side by side; must stay as it is until backward.</param>
    /// <param name="sequenceLength">T.</param>
    /// <param name="headCount">H.</param>
    /// <param name="forBackward">Whether a backward pass follows.</param>
    public FusedAttention(
        ThreadTeam team,
        WorkerScratch[] scratch,
        Matrix qkv,
        int sequenceLength,
        int headCount,
        bool forBackward)
    {
        (this.team, this.scratch, this.qkv) = (team, scratch, qkv);
        (length, heads, width) = (sequenceLength, headCount, qkv.Columns / 3 / headCount);
        padded = (length + Tile - 1) / Tile * Tile;
        scale = 1 / MathF.Sqrt(width);
        logSums = forBackward ? new float[qkv.Rows * heads] : [];
        Result = qkv.AllocateLike(qkv.Rows, qkv.Columns / 3);
        try
        {
            team.ForEach(qkv.Rows / length * heads, ForwardHead, Microkernel.Release);
        }
        catch
        {
            Result.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Matrix Result { get; }

    /// <summary>Whether heads of that many channels can be tiled.</summary>
    public static bool Takes(int headWidth) => headWidth % (2 * Lanes.Count) == 0;

    /// <inheritdoc/>
    public void Backward(Matrix dresult, Matrix dqkv) => team.ForEach(
        qkv.Rows / length * heads, (thread, head) => BackwardHead(thread, head, dresult, dqkv), Microkernel.Release);

    /// <inheritdoc/>
    public void Dispose() => Result.Dispose();

    private int Width => qkv.Columns / 3;

    /// <summary>Where a head's part of a matrix starts, and that of a following third.</summary>
    private ushort* At(Matrix matrix, int head, int third = 0) =>
        (ushort*)matrix.Row(head / heads * length) + (head % heads * width) + (third * Width);

    private void ForwardHead(int thread, int head)
    {
        var narrow = Pieces.Size<ushort>((long)padded * width);
        var pieces = scratch[thread].Reserve(
            (2 * narrow) + Pieces.Size<float>((long)Tile * padded) + Pieces.Size<ushort>((long)Tile * padded)
            + Pieces.Size<float>((long)Tile * width) + Pieces.Size<float>(Tile));
        var keys = pieces.BFloat16((long)padded * width); // by tile: (D / 2, 64, 2)
        var values = pieces.BFloat16((long)padded * width); // (Tp / 2, D, 2)
        var scores = pieces.Float32((long)Tile * padded); // by tile of keys: (64, 64)
        var powers = pieces.BFloat16((long)Tile * padded); // (64, Tp)
        var output = pieces.Float32((long)Tile * width); // (64, D)
        var sums = pieces.Float32(Tile);
        var query = At(qkv, head);
        var stride = qkv.Columns;
        Lanes.Prefetch(query, stride, length);
        PackTiles(At(qkv, head, 1), stride, keys);
        Packing.Interleave(At(qkv, head, 2), stride, length, padded, width, values);
        for (var first = 0; first < length; first += Tile)
        {
            var (rows, end) = (Math.Min(Tile, length - first), first + Tile);
            for (var key = 0; key < end; key += Tile)
            {
                Microkernel.Multiply(
                    query + ((long)first * stride),
                    stride,
                    keys + ((long)key * width),
                    Tile,
                    scores + (key * Tile),
                    Tile,
                    (rows, Tile, width));
            }

            for (var row = 0; row < rows; row++)
            {
                var logSum = Softmax(
                    scores + (row * Tile), powers + ((long)row * padded), first + row + 1, end, sums + row);
                if (logSums.Length > 0)
                    logSums[(head * length) + first + row] = logSum;
            }

            // All 64 rows, though the last may be undefined: one shape less for the microkernel to keep.
            Microkernel.Multiply(powers, padded, values, width, output, width, (Tile, width, end));
            StoreScaled(output, sums, At(Result, head) + ((long)first * Width), rows);
        }
    }

    /// <summary>
    /// A query's scores, by tile, become powers of e, the largest about 1, and 0 from <paramref name="visible"/> on;
    /// the sum of the powers is written, the logarithm of the true sum returned.
    /// </summary>
    private float Softmax(float* scores, ushort* powers, int visible, int end, float* sum)
    {
        var hidden = Vector512.Create(float.NegativeInfinity);
        var last = Math.Min(visible / Lanes.Count * Lanes.Count, end - Lanes.Count);
        var mask = Vector512.LessThan(Lanes.Indices, Vector512.Create(visible - last)).AsSingle();
        var largest = Vector512.ConditionalSelect(mask, Vector512.Load(scores + InTiles(last)), hidden);
        for (var i = 0; i < last; i += Lanes.Count)
            largest = Vector512.Max(largest, Vector512.Load(scores + InTiles(i)));
        var offset = Lanes.Max(largest) * scale;
        var (factor, shift) = (Vector512.Create(scale), Vector512.Create(-offset));
        var total = Vector512<float>.Zero;
        for (var i = 0; i < last; i += Lanes.Count)
        {
            var power = Lanes.Exp(Vector512.FusedMultiplyAdd(Vector512.Load(scores + InTiles(i)), factor, shift));
            Lanes.Store(powers + i, power);
            total += power;
        }

        var rest = Lanes.Exp(Vector512.FusedMultiplyAdd(Vector512.Load(scores + InTiles(last)), factor, shift));
        rest = Vector512.ConditionalSelect(mask, rest, Vector512<float>.Zero);
        Lanes.Store(powers + last, rest);
        total += rest;
        for (var i = last + Lanes.Count; i < end; i += Lanes.Count)
            Lanes.StoreBits(powers + i, Vector512<uint>.Zero);

        *sum = Lanes.Sum(total);
        return offset + MathF.Log(*sum);
    }

    /// <summary>Where a row's column lies behind the row's first, in tiles of 64 by 64.</summary>
    private static int InTiles(int column) => (column / Tile * Tile * Tile) + (column % Tile);

    private void StoreScaled(float* output, float* sums, ushort* into, int rows)
    {
        for (var row = 0; row < rows; row++)
        {
            var factor = Vector512.Create(1 / sums[row]);
            for (var i = 0; i < width; i += Lanes.Count)
                Lanes.Store(into + ((long)row * Width) + i, Vector512.Load(output + ((long)row * width) + i) * factor);
        }
    }

    /// <summary>
    /// Packs each tile of 64 rows, transposed: by tile (D / 2, 64, 2), zeros where there are no rows.
    /// </summary>
    private void PackTiles(ushort* from, long stride, ushort* into)
    {
        for (var row = 0; row < length; row += Tile)
        {
            Packing.InterleaveTransposed(
                from + (row * stride), stride, Math.Min(Tile, length - row), Tile, width, into + ((long)row * width));
        }
    }
}

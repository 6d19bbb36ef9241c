using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;

namespace Gpt2Cluster.Compute.Kernels.Fused;

/// <summary>
/// The vocabulary's loss in bf16 by the <see cref="Microkernel"/>, for chunks of rows. The logits are computed
/// transposed, so that the embedding is the left operand as it lies in memory, and kept in tiles of 64 tokens by 64
/// rows; maxima and sums of a tile are taken while its fp32 sums are in the first-level cache. Backward turns each tile
/// into its gradient once, in the two orders that the two products want. Chunks add to the embedding's gradient in
/// fp32. Shapes: R rows of a chunk, Rp padded to 64, C channels, V tokens, Vp padded to 64.
/// </summary>
internal sealed unsafe class FusedHeadLoss(ThreadTeam team, int vocabularySize, PhaseClock clock)
    : IHeadLoss
{
    private const int Tile = FusedLinear.TileColumns;
    private const int TileElements = Tile * Tile;
    private const int ChunkRows = 1024;
    private const int TokensPerPass = 512;
    private const int MostChannelsPerTask = 192;

    private readonly WorkerScratch[] scratch = WorkerScratch.For(team.Threads);
    private readonly WorkerScratch shared = new();

    /// <inheritdoc/>
    public void Run(
        Matrix hidden,
        Matrix tokens,
        ReadOnlyMemory<int> targets,
        Memory<double> losses,
        HeadLossGradients? gradients)
    {
        if (targets.Span.ContainsAnyExceptInRange(0, vocabularySize - 1))
            throw new ArgumentOutOfRangeException(nameof(targets), "A target is no token of the vocabulary.");
        for (var first = 0; first < hidden.Rows; first += ChunkRows)
        {
            var count = Math.Min(ChunkRows, hidden.Rows - first);
            var chunk = new Chunk(shared, hidden, tokens, first, count);
            clock.Enter(Phase.Head);
            Forward(chunk, hidden, tokens, gradients is not null);
            Finish(chunk, targets.Span.Slice(first, count), gradients?.Scale ?? 0, losses.Span.Slice(first, count));
            if (gradients is null)
                continue;
            clock.Enter(Phase.HeadBackward);
            BackwardTokens(chunk, targets.Slice(first, count), gradients);
            BackwardHidden(chunk, tokens, gradients.Hidden);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var memory in scratch)
            memory.Dispose();
        shared.Dispose();
    }

    /// <summary>Logits, and of every tile and row the largest and the sum of powers.</summary>
    private void Forward(Chunk chunk, Matrix hidden, Matrix tokens, bool forBackward)
    {
        var panels = chunk.PaddedRows / Tile;
        var width = hidden.Columns;
        team.ForEach(panels, (_, panel) => Packing.InterleaveTransposed(
            (ushort*)hidden.Row(chunk.First + (panel * Tile)),
            width,
            Math.Min(Tile, chunk.Count - (panel * Tile)),
            Tile,
            width,
            chunk.Columns + ((long)panel * Tile * width)));
        if (forBackward)
        {
            team.ForEach(width / Tile, (_, panel) => Packing.Interleave(
                (ushort*)hidden.Row(chunk.First) + (panel * Tile),
                width,
                chunk.Count,
                chunk.PaddedRows,
                Tile,
                chunk.Rows + ((long)panel * Tile * chunk.PaddedRows)));
        }

        team.ForEach(
            tokens.Rows / Tile,
            (thread, tile) =>
            {
                var pieces = scratch[thread].Reserve(Pieces.Size<float>(TileElements));
                var sums = pieces.Float32(TileElements); // (tokens, rows)
                for (var panel = 0; panel < panels; panel++)
                {
                    Microkernel.Multiply(
                        (ushort*)tokens.Row(tile * Tile),
                        width,
                        chunk.Columns + ((long)panel * Tile * width),
                        Tile,
                        sums,
                        Tile,
                        (Tile, Tile, width));
                    KeepTile(chunk, sums, tile, panel);
                }
            },
            Microkernel.Release);
    }

    private void KeepTile(Chunk chunk, float* sums, int tile, int panel)
    {
        var into = chunk.Logits(tile, panel);
        var count = Math.Min(Tile, vocabularySize - (tile * Tile));
        for (var i = 0; i < Tile; i += Lanes.Count)
        {
            var largest = Vector512.Create(float.NegativeInfinity);
            for (var token = 0; token < Tile; token++)
            {
                var bits = Lanes.Round(Vector512.Load(sums + (token * Tile) + i));
                Lanes.StoreBits(into + (token * Tile) + i, bits);
                var value = (bits << 16).AsSingle();
                value.Store(sums + (token * Tile) + i);
                if (token < count)
                    largest = Vector512.Max(largest, value);
            }

            var (even, odd) = (Vector512<float>.Zero, Vector512<float>.Zero);
            for (var token = 0; token < count; token += 2)
            {
                even += Lanes.Exp(Vector512.Load(sums + (token * Tile) + i) - largest);
                if (token + 1 < count)
                    odd += Lanes.Exp(Vector512.Load(sums + ((token + 1) * Tile) + i) - largest);
            }

            var place = ((long)tile * chunk.PaddedRows) + (panel * Tile) + i;
            largest.Store(chunk.Largest + place);
            (even + odd).Store(chunk.Sums + place);
        }
    }

    /// <summary>
    /// Adds the tiles' sums up, in order and in fp64; the losses, and what the gradient needs of each row.
    /// </summary>
    private void Finish(Chunk chunk, ReadOnlySpan<int> targets, float scale, Span<double> losses)
    {
        var tiles = (vocabularySize + Tile - 1) / Tile;
        for (var row = 0; row < chunk.PaddedRows; row += Lanes.Count)
        {
            var largest = Vector512.Create(float.NegativeInfinity);
            for (var tile = 0; tile < tiles; tile++)
                largest = Vector512.Max(largest, Vector512.Load(chunk.Largest + ((long)tile * chunk.PaddedRows) + row));
            var (lower, upper) = (Vector512<double>.Zero, Vector512<double>.Zero);
            for (var tile = 0; tile < tiles; tile++)
            {
                var place = ((long)tile * chunk.PaddedRows) + row;
                var sum = Vector512.Load(chunk.Sums + place)
                    * Lanes.Exp(Vector512.Load(chunk.Largest + place) - largest);
                var (sumLower, sumUpper) = Vector512.Widen(sum);
                lower += sumLower;
                upper += sumUpper;
            }

            for (var lane = 0; lane < Lanes.Count; lane++)
            {
                var there = row + lane < chunk.Count;
                var logSum = Math.Log(lane < Lanes.Count / 2 ? lower[lane] : upper[lane - (Lanes.Count / 2)])
                    + largest[lane];
                chunk.LogSums[row + lane] = (float)logSum;
                chunk.Scales[row + lane] = there ? scale : 0;
                if (there)
                    losses[row + lane] = logSum - Lanes.Widen(*chunk.Logit(targets[row + lane], row + lane));
            }
        }
    }

    /// <summary>
    /// The logits become their gradient, packed for the hidden rows' gradient; on the way the embedding's is computed.
    /// </summary>
    private void BackwardTokens(Chunk chunk, ReadOnlyMemory<int> targets, HeadLossGradients gradients)
    {
        var (padded, width) = (chunk.PaddedRows, gradients.Hidden.Columns);
        var stride = padded + FusedLinear.StridePadding;
        team.ForEach(
            chunk.Tiles,
            (thread, tile) =>
            {
                var pieces = scratch[thread].Reserve(
                    Pieces.Size<ushort>((long)Tile * stride) + Pieces.Size<float>(TileElements));
                var dlogits = pieces.BFloat16((long)Tile * stride); // (tokens, Rp)
                var sums = pieces.Float32(TileElements); // (tokens, channels)
                for (var panel = 0; panel < padded / Tile; panel++)
                    WriteGradients(chunk, tile, panel, targets.Span, dlogits, stride);
                for (var channel = 0; gradients.Tokens is not null && channel < width; channel += Tile)
                {
                    Lanes.Prefetch((ushort*)gradients.Tokens.Row(tile * Tile) + (2 * channel), 2 * width, Tile);
                    Microkernel.Multiply(
                        dlogits,
                        stride,
                        chunk.Rows + ((long)channel * padded),
                        Tile,
                        sums,
                        Tile,
                        (Tile, Tile, padded));
                    StoreTokens(sums, gradients.Tokens, tile * Tile, channel, add: chunk.First > 0);
                }
            },
            Microkernel.Release);
    }

    private void WriteGradients(
        Chunk chunk, int tile, int panel, ReadOnlySpan<int> targets, ushort* dlogits, int stride)
    {
        var logits = chunk.Logits(tile, panel);
        var (first, count) = (panel * Tile, Math.Min(Tile, vocabularySize - (tile * Tile)));
        for (var token = 0; token < Tile; token++)
        {
            var into = dlogits + ((long)token * stride) + first;
            for (var i = 0; i < Tile; i += Lanes.Count)
            {
                var power = Lanes.Load(logits + (token * Tile) + i) - Vector512.Load(chunk.LogSums + first + i);
                var gradient = token < count
                    ? Lanes.Exp(power) * Vector512.Load(chunk.Scales + first + i)
                    : Vector512<float>.Zero;
                Lanes.Store(into + i, gradient);
            }
        }

        for (var row = first; row < Math.Min(first + Tile, chunk.Count); row++)
        {
            var token = targets[row] - (tile * Tile);
            if (token is < 0 or >= Tile)
                continue;
            var power = Lanes.Widen(logits[(token * Tile) + row - first]) - chunk.LogSums[row];
            var gradient = (Lanes.Exp(Vector512.Create(power)) - Vector512<float>.One) * chunk.Scales[row];
            dlogits[((long)token * stride) + row] = (ushort)Lanes.Round(gradient)[0];
        }

        Packing.Interleave(dlogits + first, stride, Tile, Tile, Tile, logits);
    }

    private static void StoreTokens(float* sums, Matrix tokens, int row, int column, bool add)
    {
        for (var i = 0; i < Tile; i++, sums += Tile)
        {
            var into = (float*)tokens.Row(row + i) + column;
            for (var j = 0; j < Tile; j += Lanes.Count)
            {
                var sum = Vector512.Load(sums + j);
                (add ? sum + Vector512.Load(into + j) : sum).Store(into + j);
            }
        }
    }

    /// <summary>
    /// The hidden rows' gradient, transposed: a task is some channels, and adds over the vocabulary in order.
    /// </summary>
    private void BackwardHidden(Chunk chunk, Matrix tokens, Matrix dhidden)
    {
        var (width, padded) = (dhidden.Columns, chunk.PaddedRows);
        var tasks = (width + MostChannelsPerTask - 1) / MostChannelsPerTask;
        tasks = (tasks + team.Threads - 1) / team.Threads * team.Threads;
        var blocks = width / (2 * Lanes.Count);
        team.ForEach(
            Math.Min(tasks, blocks),
            (thread, task) =>
            {
                var parts = Math.Min(tasks, blocks);
                var (from, to) = (blocks * task / parts, blocks * (task + 1) / parts);
                BackwardChannels(
                    chunk,
                    tokens,
                    dhidden,
                    scratch[thread],
                    from * 2 * Lanes.Count,
                    (to - from) * 2 * Lanes.Count);
            },
            Microkernel.Release);
    }

    private static void BackwardChannels(
        Chunk chunk, Matrix tokens, Matrix dhidden, WorkerScratch scratch, int channel, int channels)
    {
        var pieces = scratch.Reserve(
            Pieces.Size<ushort>((long)channels * TokensPerPass)
            + Pieces.Size<float>((long)channels * chunk.PaddedRows));
        var left = pieces.BFloat16((long)channels * TokensPerPass); // (channels, tokens)
        var sums = pieces.Float32((long)channels * chunk.PaddedRows); // by panel: (channels, 64)
        for (var token = 0; token < tokens.Rows; token += TokensPerPass)
        {
            var count = Math.Min(TokensPerPass, tokens.Rows - token);
            Packing.Transpose(
                (ushort*)tokens.Row(token) + channel, tokens.Columns, count, count, channels, left, TokensPerPass);
            for (var panel = 0; panel < chunk.PaddedRows / Tile; panel++)
            {
                Microkernel.Multiply(
                    left,
                    TokensPerPass,
                    chunk.Logits(token / Tile, panel),
                    Tile,
                    sums + ((long)panel * Tile * channels),
                    Tile,
                    (channels, Tile, count),
                    add: token > 0);
            }
        }

        for (var row = 0; row < chunk.Count; row += Tile)
        {
            var into = (ushort*)dhidden.Row(chunk.First + row) + channel;
            Tiles.StoreTransposed(
                sums + ((long)row * channels),
                Tile,
                channels,
                Math.Min(Tile, chunk.Count - row),
                into,
                dhidden.Columns);
        }
    }

    /// <summary>Some rows, and the memory for them.</summary>
    private sealed class Chunk
    {
        private readonly ushort* logits;

        /// <summary>Carves it out of a scratch.</summary>
        public Chunk(WorkerScratch scratch, Matrix hidden, Matrix tokens, int first, int count)
        {
            (First, Count, Tiles) = (first, count, tokens.Rows / Tile);
            PaddedRows = (count + Tile - 1) / Tile * Tile;
            var (operand, statistics) = ((long)PaddedRows * hidden.Columns, (long)Tiles * PaddedRows);
            var pieces = scratch.Reserve(
                (2 * Pieces.Size<ushort>(operand)) + Pieces.Size<ushort>((long)tokens.Rows * PaddedRows)
                + (2 * Pieces.Size<float>(statistics)) + (2 * Pieces.Size<float>(PaddedRows)));
            Columns = pieces.BFloat16(operand);
            Rows = pieces.BFloat16(operand);
            logits = pieces.BFloat16((long)tokens.Rows * PaddedRows);
            Largest = pieces.Float32(statistics);
            Sums = pieces.Float32(statistics);
            LogSums = pieces.Float32(PaddedRows);
            Scales = pieces.Float32(PaddedRows);
        }

        /// <summary>The chunk's first row.</summary>
        public int First { get; }

        /// <summary>R.</summary>
        public int Count { get; }

        /// <summary>Rp.</summary>
        public int PaddedRows { get; }

        /// <summary>Vp / 64.</summary>
        public int Tiles { get; }

        /// <summary>Hidden rows, transposed, by panel: (C / 2, 64, 2).</summary>
        public ushort* Columns { get; }

        /// <summary>Hidden rows, by panel of channels: (Rp / 2, 64, 2).</summary>
        public ushort* Rows { get; }

        /// <summary>Of each tile and row the largest logit: (tiles, Rp).</summary>
        public float* Largest { get; }

        /// <summary>Of each tile and row the sum of powers of e, relative to the largest: (tiles, Rp).</summary>
        public float* Sums { get; }

        /// <summary>Of each row the logarithm of the sum over the vocabulary.</summary>
        public float* LogSums { get; }

        /// <summary>Of each row what multiplies its gradient: 0 for padding.</summary>
        public float* Scales { get; }

        /// <summary>A tile of logits, (64 tokens, 64 rows), or of their gradient, (32, 64 rows, 2).</summary>
        public ushort* Logits(int tile, int panel) => logits + ((((long)panel * Tiles) + tile) * TileElements);

        /// <summary>One logit.</summary>
        public ushort* Logit(int token, int row) =>
            Logits(token / Tile, row / Tile) + (token % Tile * Tile) + (row % Tile);
    }
}

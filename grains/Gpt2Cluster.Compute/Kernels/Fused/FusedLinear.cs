using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;

namespace Gpt2Cluster.Compute.Kernels.Fused;

/// <summary>
/// Linear layers in bf16 by the <see cref="Microkernel"/>, in tiles of 64 by 64 over the whole depth, with biases,
/// GELU, dropout and residual additions applied to a tile's fp32 sums while they are in the first-level cache. A task
/// packs 64 columns of the right operand and runs down the rows of the left one; no sum is divided among tasks, so
/// neither threads nor the division of the work change a bit. Shapes as in <see cref="ILinear"/>; I and O are
/// multiples of 64.
/// </summary>
internal sealed unsafe class FusedLinear(ThreadTeam team) : ILinear
{
    /// <summary>Columns of a tile, and of a packed panel.</summary>
    public const int TileColumns = 64;

    /// <summary>Rows a power of two apart would share a few lines of the first-level cache: they are moved.</summary>
    public const int StridePadding = 32;

    private const int TileRows = 64;
    private const int TileElements = TileRows * TileColumns;
    private const int DepthMultiple = 32;
    private const int TasksPerThread = 2;

    // What a call multiplies stays in a second-level cache; part of the bits, as it groups the sums over the depth.
    private const int DepthPerCall = 2048;

    private readonly WorkerScratch transposed = new();

    /// <summary>Each thread's memory, for whoever computes between the layers.</summary>
    public WorkerScratch[] Scratch { get; } = WorkerScratch.For(team.Threads);

    /// <summary>Whether a layer's widths can be tiled.</summary>
    public static bool Takes(int width) => width % TileColumns == 0;

    /// <inheritdoc/>
    public void Forward(Matrix x, LinearParameters w, LowRankTerm? term, Matrix y) =>
        MultiplyByWeight(x, w.Weight, term, new BiasEpilogue(w.Bias, y));

    /// <inheritdoc/>
    public void ForwardGelu(Matrix x, LinearParameters w, LowRankTerm? term, Matrix before, Matrix y) =>
        MultiplyByWeight(x, w.Weight, term, new GeluEpilogue(w.Bias, before, y));

    /// <inheritdoc/>
    public void ForwardBranch(
        Matrix x, LinearParameters w, LowRankTerm? term, Matrix stream, Dropout dropout, Matrix scratch, Matrix y) =>
        MultiplyByWeight(x, w.Weight, term, new BranchEpilogue(w.Bias, stream, dropout, y));

    /// <inheritdoc/>
    public void BackwardInput(Matrix dy, Matrix weight, LowRankTerm? term, Matrix dx) =>
        MultiplyByTransposedWeight(dy, weight, term, new StoreEpilogue(dx));

    /// <inheritdoc/>
    public void BackwardGelu(Matrix dy, Matrix weight, LowRankTerm? term, Matrix before, Matrix bias, Matrix dx) =>
        MultiplyByTransposedWeight(dy, weight, term, new GeluBackwardEpilogue(before, dx));

    /// <inheritdoc/>
    public void BackwardWeight(Matrix x, Matrix dy, Matrix dweight, Matrix dbias)
    {
        var (rows, depth) = (x.Rows, PaddedRows(x.Rows));
        var stride = depth + StridePadding;
        var size = (long)x.Columns * stride;
        var left = transposed.Reserve(Pieces.Size<ushort>(size)).BFloat16(size); // (I, depth)
        team.ForEach(depth / DepthMultiple, (_, task) => Packing.Transpose(
            (ushort*)x.Row(task * DepthMultiple),
            x.Columns,
            Math.Min(DepthMultiple, rows - (task * DepthMultiple)),
            DepthMultiple,
            x.Columns,
            left + (task * DepthMultiple),
            stride));
        var panels = new GradientPanels(dy, depth, dbias);
        Multiply(new Left(left, stride), x.Columns, depth, dy.Columns, panels, null, new StoreEpilogue(dweight));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var memory in Scratch)
            memory.Dispose();
        transposed.Dispose();
    }

    private static int PaddedRows(int rows) => (rows + DepthMultiple - 1) / DepthMultiple * DepthMultiple;

    private void MultiplyByWeight<TEpilogue>(Matrix x, Matrix weight, LowRankTerm? term, TEpilogue epilogue)
        where TEpilogue : struct, IEpilogue =>
        Multiply(new Left(x), x.Rows, x.Columns, weight.Columns, new ColumnPanels(weight), term, epilogue);

    private void MultiplyByTransposedWeight<TEpilogue>(
        Matrix dy, Matrix weight, LowRankTerm? term, TEpilogue epilogue)
        where TEpilogue : struct, IEpilogue =>
        Multiply(new Left(dy), dy.Rows, dy.Columns, weight.Rows, new RowPanels(weight), term, epilogue);

    /// <summary>A row-major left operand (rows, depth) times a right operand that is packed panel by panel.</summary>
    private void Multiply<TPanels, TEpilogue>(
        Left left, int rows, int depth, int columns, TPanels source, LowRankTerm? term, TEpilogue epilogue)
        where TPanels : struct, IPanels
        where TEpilogue : struct, IEpilogue
    {
        var panels = columns / TileColumns;
        var tiles = (rows + TileRows - 1) / TileRows;
        LowRankTiles? lowRank = term is null ? null : new LowRankTiles(term);
        var groups = Math.Clamp(((TasksPerThread * team.Threads) + panels - 1) / panels, 1, tiles);
        team.ForEach(panels * groups, Run, Microkernel.Release);

        void Run(int thread, int task)
        {
            var (panel, group) = (task / groups, task % groups);
            var column = panel * TileColumns;
            var pieces = Scratch[thread].Reserve(
                Pieces.Size<float>(TileElements) + Pieces.Size<ushort>((long)depth * TileColumns)
                + (lowRank?.ScratchBytes ?? 0));
            var sums = pieces.Float32(TileElements); // (64, 64)
            var right = pieces.BFloat16((long)depth * TileColumns); // (depth / 2, 64, 2)
            source.Pack(column, right);
            var lowRankScratch = lowRank?.Take(ref pieces) ?? default;
            lowRank?.Pack(column, lowRankScratch);
            if (group == 0)
                source.Sum(column);
            var next = (task + team.Threads) / groups; // Most likely the panel this thread takes next.
            var (first, end) = (tiles * group / groups, tiles * (group + 1) / groups);
            for (var tile = first; tile < end; tile++)
            {
                if (next != panel && next < panels)
                    source.Prefetch(next * TileColumns, tile - first, end - first);
                var row = tile * TileRows;
                var count = Math.Min(TileRows, rows - row);
                epilogue.Prefetch(row, count, column);
                MultiplyTile(left, row, count, depth, right, sums);
                lowRank?.Add(lowRankScratch, row, count, column, sums);
                epilogue.Apply(sums, row, count, column);
            }
        }
    }

    private static void MultiplyTile(Left left, int row, int rows, int depth, ushort* right, float* sums)
    {
        for (var k = 0; k < depth; k += DepthPerCall)
        {
            Microkernel.Multiply(
                left.Pointer + ((long)row * left.Stride) + k,
                left.Stride,
                right + ((long)k * TileColumns),
                TileColumns,
                sums,
                TileColumns,
                (rows, TileColumns, Math.Min(DepthPerCall, depth - k)),
                add: k > 0);
        }
    }

    /// <summary>A row-major left operand.</summary>
    private readonly struct Left(ushort* pointer, int stride)
    {
        /// <summary>A whole matrix.</summary>
        public Left(Matrix matrix)
            : this((ushort*)matrix.Pointer, matrix.Columns)
        {
        }

        /// <summary>Its first element.</summary>
        public ushort* Pointer { get; } = pointer;

        /// <summary>Elements from row to row.</summary>
        public int Stride { get; } = stride;
    }
}

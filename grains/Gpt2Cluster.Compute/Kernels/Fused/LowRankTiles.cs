namespace Gpt2Cluster.Compute.Kernels.Fused;

/// <summary>
/// Adds a <see cref="LowRankTerm"/> to a tile's fp32 sums before anything else is done with them. Both operands are
/// padded with zeros to a depth the microkernel takes. Shapes: R the rank, Rp padded.
/// </summary>
/// <param name="term">The term.</param>
internal readonly unsafe struct LowRankTiles(LowRankTerm term)
{
    private const int Tile = FusedLinear.TileColumns;
    private const int DepthMultiple = 32;

    private int Rank => term.Left.Columns;

    private int Depth => (Rank + DepthMultiple - 1) / DepthMultiple * DepthMultiple;

    /// <summary>
    /// Bytes of scratch that a task needs: both operands, and the product where dropout multiplies it.
    /// </summary>
    public long ScratchBytes => (2 * Pieces.Size<ushort>(Tile * Depth)) + Pieces.Size<float>(Tile * Tile);

    /// <summary>A task's scratch.</summary>
    public Scratch Take(ref Pieces pieces) =>
        new(pieces.BFloat16(Tile * Depth), pieces.BFloat16(Tile * Depth), pieces.Float32(Tile * Tile));

    /// <summary>Packs 64 columns of the right operand: (Rp / 2, 64, 2).</summary>
    public void Pack(int column, Scratch scratch)
    {
        var (rank, right) = (Rank, term.Right);
        for (var k = 0; k < Depth; k++)
        {
            var into = scratch.Right + ((k / 2) * Tile * 2) + (k % 2);
            for (var j = 0; j < Tile; j++)
            {
                into[2 * j] = k >= rank ? (ushort)0 : term.IsTransposed
                    ? ((ushort*)right.Row(column + j))[k]
                    : ((ushort*)right.Row(k))[column + j];
            }
        }
    }

    /// <summary>Adds to a tile's sums.</summary>
    /// <param name="scratch">The task's, packed for the tile's columns.</param>
    /// <param name="row">The tile's first row.</param>
    /// <param name="rows">1 to 64.</param>
    /// <param name="column">Its first column.</param>
    /// <param name="sums">(rows, 64).</param>
    public void Add(Scratch scratch, int row, int rows, int column, float* sums)
    {
        for (var i = 0; i < rows; i++)
        {
            var into = new Span<ushort>(scratch.Left + (i * Depth), Depth);
            new ReadOnlySpan<ushort>(term.Left.Row(row + i), Rank).CopyTo(into);
            into[Rank..].Clear();
        }

        var product = term.Dropout.IsOn ? scratch.Product : sums;
        Microkernel.Multiply(
            scratch.Left, Depth, scratch.Right, Tile, product, Tile, (rows, Tile, Depth), add: !term.Dropout.IsOn);
        if (term.Dropout.IsOn)
            AddDropped(product, row, rows, column, sums);
    }

    /// <summary>A value's place in the dropout's stream is its place in the matrix.</summary>
    private void AddDropped(float* product, int row, int rows, int column, float* sums)
    {
        var columns = term.Right.Columns;
        Span<float> multipliers = stackalloc float[Tile];
        for (var i = 0; i < rows; i++)
        {
            term.Dropout.Stream.FillKeepMultipliers(
                multipliers, ((long)(row + i) * columns) + column, term.Dropout.Probability);
            for (var j = 0; j < Tile; j++)
                sums[(i * Tile) + j] += product[(i * Tile) + j] * multipliers[j];
        }
    }

    /// <summary>Memory of one task.</summary>
    /// <param name="left">(64, Rp).</param>
    /// <param name="right">(Rp / 2, 64, 2).</param>
    /// <param name="product">(64, 64).</param>
    internal readonly struct Scratch(ushort* left, ushort* right, float* product)
    {
        /// <summary>(64, Rp).</summary>
        public ushort* Left { get; } = left;

        /// <summary>(Rp / 2, 64, 2).</summary>
        public ushort* Right { get; } = right;

        /// <summary>(64, 64).</summary>
        public float* Product { get; } = product;
    }
}

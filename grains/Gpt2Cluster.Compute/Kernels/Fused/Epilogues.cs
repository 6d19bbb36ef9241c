using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels.Fused;

/// <summary>What is done with a tile of a product while its sums are in the first-level cache.</summary>
internal unsafe interface IEpilogue
{
    /// <summary>
    /// Asks for what <see cref="Apply"/> will read and write: a tile's rows lie far apart, so that the processor does
    /// not foresee them.
    /// </summary>
    void Prefetch(int row, int rows, int column);

    /// <summary>Takes a tile.</summary>
    /// <param name="sums">(rows, 64), fp32.</param>
    /// <param name="row">The tile's first row in the product.</param>
    /// <param name="rows">1 to 64.</param>
    /// <param name="column">Its first column.</param>
    void Apply(float* sums, int row, int rows, int column);
}

/// <summary><c>y = sums</c>.</summary>
internal readonly unsafe struct StoreEpilogue(Matrix y) : IEpilogue
{
    /// <inheritdoc/>
    public void Prefetch(int row, int rows, int column) =>
        Lanes.Prefetch((ushort*)y.Row(row) + column, y.Columns, rows);

    /// <inheritdoc/>
    public void Apply(float* sums, int row, int rows, int column)
    {
        for (var i = 0; i < rows; i++, sums += FusedLinear.TileColumns)
        {
            var into = (ushort*)y.Row(row + i) + column;
            for (var j = 0; j < FusedLinear.TileColumns; j += Lanes.Count)
                Lanes.Store(into + j, Vector512.Load(sums + j));
        }
    }
}

/// <summary><c>y = sums + bias</c>.</summary>
internal readonly unsafe struct BiasEpilogue(Matrix bias, Matrix y) : IEpilogue
{
    /// <inheritdoc/>
    public void Prefetch(int row, int rows, int column) =>
        Lanes.Prefetch((ushort*)y.Row(row) + column, y.Columns, rows);

    /// <inheritdoc/>
    public void Apply(float* sums, int row, int rows, int column)
    {
        var add = (ushort*)bias.Pointer + column;
        for (var i = 0; i < rows; i++, sums += FusedLinear.TileColumns)
        {
            var into = (ushort*)y.Row(row + i) + column;
            for (var j = 0; j < FusedLinear.TileColumns; j += Lanes.Count)
                Lanes.Store(into + j, Vector512.Load(sums + j) + Lanes.Load(add + j));
        }
    }
}

/// <summary><c>before = sums + bias</c> and <c>y = gelu(before)</c>.</summary>
internal readonly unsafe struct GeluEpilogue(Matrix bias, Matrix before, Matrix y) : IEpilogue
{
    /// <inheritdoc/>
    public void Prefetch(int row, int rows, int column)
    {
        Lanes.Prefetch((ushort*)before.Row(row) + column, before.Columns, rows);
        Lanes.Prefetch((ushort*)y.Row(row) + column, y.Columns, rows);
    }

    /// <inheritdoc/>
    public void Apply(float* sums, int row, int rows, int column)
    {
        var add = (ushort*)bias.Pointer + column;
        for (var i = 0; i < rows; i++, sums += FusedLinear.TileColumns)
        {
            var kept = (ushort*)before.Row(row + i) + column;
            var into = (ushort*)y.Row(row + i) + column;
            for (var j = 0; j < FusedLinear.TileColumns; j += Lanes.Count)
            {
                // The backward pass will see the rounded value; so does the forward pass.
                var bits = Lanes.Round(Vector512.Load(sums + j) + Lanes.Load(add + j));
                Lanes.StoreBits(kept + j, bits);
                Lanes.Store(into + j, Lanes.Gelu((bits << 16).AsSingle()));
            }
        }
    }
}

/// <summary><c>dx = sums * gelu'(before)</c>.</summary>
internal readonly unsafe struct GeluBackwardEpilogue(Matrix before, Matrix dx) : IEpilogue
{
    /// <inheritdoc/>
    public void Prefetch(int row, int rows, int column)
    {
        Lanes.Prefetch((ushort*)before.Row(row) + column, before.Columns, rows);
        Lanes.Prefetch((ushort*)dx.Row(row) + column, dx.Columns, rows);
    }

    /// <inheritdoc/>
    public void Apply(float* sums, int row, int rows, int column)
    {
        for (var i = 0; i < rows; i++, sums += FusedLinear.TileColumns)
        {
            var from = (ushort*)before.Row(row + i) + column;
            var into = (ushort*)dx.Row(row + i) + column;
            for (var j = 0; j < FusedLinear.TileColumns; j += Lanes.Count)
                Lanes.Store(into + j, Vector512.Load(sums + j) * Lanes.GeluDerivative(Lanes.Load(from + j)));
        }
    }
}

/// <summary><c>y = stream + (sums + bias) * dropout</c>.</summary>
internal readonly unsafe struct BranchEpilogue(Matrix bias, Matrix stream, Dropout dropout, Matrix y) : IEpilogue
{
    /// <inheritdoc/>
    public void Prefetch(int row, int rows, int column)
    {
        Lanes.Prefetch((ushort*)stream.Row(row) + column, stream.Columns, rows);
        Lanes.Prefetch((ushort*)y.Row(row) + column, y.Columns, rows);
    }

    /// <inheritdoc/>
    public void Apply(float* sums, int row, int rows, int column)
    {
        var multipliers = stackalloc float[FusedLinear.TileColumns];
        new Span<float>(multipliers, FusedLinear.TileColumns).Fill(1);
        var add = (ushort*)bias.Pointer + column;
        for (var i = 0; i < rows; i++, sums += FusedLinear.TileColumns)
        {
            if (dropout.IsOn)
                FillMultipliers(row + i, column, multipliers);
            var from = (ushort*)stream.Row(row + i) + column;
            var into = (ushort*)y.Row(row + i) + column;
            for (var j = 0; j < FusedLinear.TileColumns; j += Lanes.Count)
            {
                var branch = (Vector512.Load(sums + j) + Lanes.Load(add + j)) * Vector512.Load(multipliers + j);
                Lanes.Store(into + j, Lanes.Load(from + j) + branch);
            }
        }
    }

    /// <summary>An activation's place in its stream is its place in the matrix.</summary>
    private void FillMultipliers(int row, int column, float* multipliers) =>
        dropout.Stream.FillKeepMultipliers(
            new Span<float>(multipliers, FusedLinear.TileColumns),
            ((long)row * y.Columns) + column,
            dropout.Probability);
}

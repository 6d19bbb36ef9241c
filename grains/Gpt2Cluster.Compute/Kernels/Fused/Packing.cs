using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gpt2Cluster.Compute.Kernels.Fused;

/// <summary>
/// Brings bf16 matrices into the orders the microkernel takes. Its right operand, (depth, columns), is packed as
/// (depth / 2, columns, 2): what one instruction multiplies, two numbers of consecutive depth, lies side by side. All
/// widths are multiples of sixteen, all padded depths of thirty-two.
/// </summary>
internal static unsafe class Packing
{
    private const int Block = Lanes.Count;

    /// <summary>
    /// Packs a row-major matrix whose rows are the depth: pairs of rows are interleaved. Rows from
    /// <paramref name="rows"/> to <paramref name="paddedRows"/> become zeros.
    /// </summary>
    public static void Interleave(
        ushort* from, long stride, int rows, int paddedRows, int columns, ushort* into)
    {
        for (var row = 0; row < rows; row += 2)
        {
            var upper = from + (row * stride);
            var target = (uint*)(into + ((long)row * columns));
            for (var column = 0; column < columns; column += Block)
            {
                var bits = Lanes.LoadBits(upper + column);
                if (row + 1 < rows)
                    bits |= Lanes.LoadBits(upper + stride + column) << 16;
                bits.Store(target + column);
            }
        }

        var written = (rows + 1) / 2 * 2;
        if (written < paddedRows)
            Clear(into + ((long)written * columns), (long)(paddedRows - written) * columns);
    }

    /// <summary>
    /// Packs the transpose of a row-major matrix whose columns are the depth: its rows become the
    /// <paramref name="paddedRows"/> packed columns, zeros from <paramref name="rows"/> on.
    /// </summary>
    public static void InterleaveTransposed(
        ushort* from, long stride, int rows, int paddedRows, int depth, ushort* into)
    {
        var target = (uint*)into;
        for (var row = 0; row < paddedRows; row += Block)
        {
            var count = Math.Min(Block, rows - row);
            for (var pair = 0; pair < depth / 2; pair += Block)
            {
                var source = (uint*)(from + (row * stride)) + pair;
                TransposePairs(source, stride / 2, count, target + ((long)pair * paddedRows) + row, paddedRows);
            }
        }
    }

    /// <summary>
    /// Transposes a row-major matrix: (rows, columns) to (columns, padded rows), zeros from <paramref name="rows"/> on.
    /// </summary>
    public static void Transpose(
        ushort* from, long stride, int rows, int paddedRows, int columns, ushort* into, long intoStride)
    {
        for (var row = 0; row < paddedRows; row += 2 * Block)
        {
            var target = into + row;
            for (var column = 0; column < columns; column += Block, target += Block * intoStride)
            {
                if (Avx512F.IsSupported && row + (2 * Block) <= rows)
                    TransposeWhole(new RowPairs(from + (row * stride) + column, stride), (uint*)target, intoStride / 2);
                else
                    TransposePart(from, stride, (row, rows, column), target, intoStride);
            }
        }
    }

    /// <summary>Transposes sixteen by sixteen numbers of 32 bits.</summary>
    public static void TransposeBlock(uint* from, long stride, uint* into, long intoStride) =>
        TransposePairs(from, stride, Block, into, intoStride);

    private static void Clear(ushort* from, long count) => new Span<ushort>(from, checked((int)count)).Clear();

    /// <summary>Thirty-two rows by sixteen columns, of which some rows are not there.</summary>
    private static void TransposePart(
        ushort* from, long stride, (int Row, int Rows, int Column) place, ushort* into, long intoStride)
    {
        for (var column = 0; column < Block; column++)
        {
            for (var row = 0; row < 2 * Block; row++)
            {
                var isThere = place.Row + row < place.Rows;
                into[(column * intoStride) + row] =
                    isThere ? from[((place.Row + row) * stride) + place.Column + column] : (ushort)0;
            }
        }
    }

    /// <summary>
    /// Transposes sixteen by sixteen pairs of numbers; source rows from <paramref name="count"/> on count as zeros.
    /// </summary>
    private static void TransposePairs(uint* from, long stride, int count, uint* into, long intoStride)
    {
        if (Avx512F.IsSupported && count == Block)
        {
            TransposeWhole(new Rows(from, stride), into, intoStride);
            return;
        }

        for (var row = 0; row < Block; row++)
        {
            for (var column = 0; column < Block; column++)
                into[(column * intoStride) + row] = row < count ? from[(row * stride) + column] : 0;
        }
    }

    /// <summary>
    /// In registers: pairs of rows, then pairs of pairs, are interleaved within quarters of the vectors; then the
    /// quarters change places.
    /// </summary>
    private static void TransposeWhole<TSource>(TSource from, uint* into, long intoStride)
        where TSource : struct, ISource
    {
        var (a0, a1, a2, a3) = Quarters(from, 0);
        var (b0, b1, b2, b3) = Quarters(from, 4);
        var (c0, c1, c2, c3) = Quarters(from, 8);
        var (d0, d1, d2, d3) = Quarters(from, 12);
        StoreQuarters(a0, b0, c0, d0, into, intoStride);
        StoreQuarters(a1, b1, c1, d1, into + intoStride, intoStride);
        StoreQuarters(a2, b2, c2, d2, into + (2 * intoStride), intoStride);
        StoreQuarters(a3, b3, c3, d3, into + (3 * intoStride), intoStride);
    }

    /// <summary>Four rows: vector i holds columns i, 4 + i, 8 + i and 12 + i, a quarter each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<uint> V0, Vector512<uint> V1, Vector512<uint> V2, Vector512<uint> V3) Quarters<TSource>(
        TSource from, int row)
        where TSource : struct, ISource
    {
        var (r0, r1, r2, r3) = (from[row], from[row + 1], from[row + 2], from[row + 3]);
        var lower01 = Avx512F.UnpackLow(r0, r1).AsUInt64();
        var upper01 = Avx512F.UnpackHigh(r0, r1).AsUInt64();
        var lower23 = Avx512F.UnpackLow(r2, r3).AsUInt64();
        var upper23 = Avx512F.UnpackHigh(r2, r3).AsUInt64();
        return (
            Avx512F.UnpackLow(lower01, lower23).AsUInt32(),
            Avx512F.UnpackHigh(lower01, lower23).AsUInt32(),
            Avx512F.UnpackLow(upper01, upper23).AsUInt32(),
            Avx512F.UnpackHigh(upper01, upper23).AsUInt32());
    }

    /// <summary>Columns i, 4 + i, 8 + i and 12 + i of all sixteen rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreQuarters(
        Vector512<uint> a, Vector512<uint> b, Vector512<uint> c, Vector512<uint> d, uint* into, long stride)
    {
        const byte Even = 0b10_00_10_00;
        const byte Odd = 0b11_01_11_01;
        var evenAb = Avx512F.Shuffle4x128(a, b, Even); // a0 a2 b0 b2
        var oddAb = Avx512F.Shuffle4x128(a, b, Odd); // a1 a3 b1 b3
        var evenCd = Avx512F.Shuffle4x128(c, d, Even);
        var oddCd = Avx512F.Shuffle4x128(c, d, Odd);
        Avx512F.Shuffle4x128(evenAb, evenCd, Even).Store(into); // a0 b0 c0 d0
        Avx512F.Shuffle4x128(oddAb, oddCd, Even).Store(into + (4 * stride)); // a1 b1 c1 d1
        Avx512F.Shuffle4x128(evenAb, evenCd, Odd).Store(into + (8 * stride)); // a2 b2 c2 d2
        Avx512F.Shuffle4x128(oddAb, oddCd, Odd).Store(into + (12 * stride)); // a3 b3 c3 d3
    }

    /// <summary>Sixteen rows of sixteen pairs of numbers.</summary>
    private interface ISource
    {
        /// <summary>One row.</summary>
        Vector512<uint> this[int row] { get; }
    }

    /// <summary>Rows of pairs, or of 32-bit numbers, as they lie in memory.</summary>
    private readonly struct Rows(uint* from, long stride) : ISource
    {
        /// <inheritdoc/>
        public Vector512<uint> this[int row]
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => Vector512.Load(from + (row * stride));
        }
    }

    /// <summary>Pairs of consecutive rows of single numbers.</summary>
    private readonly struct RowPairs(ushort* from, long stride) : ISource
    {
        /// <inheritdoc/>
        public Vector512<uint> this[int row]
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => Lanes.LoadBits(from + (2 * row * stride))
                | (Lanes.LoadBits(from + (((2 * row) + 1) * stride)) << 16);
        }
    }
}

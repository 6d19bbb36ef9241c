using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gpt2Cluster.Compute.Kernels.Int8;

/// <summary>The sums of a block of <see cref="Int8Weights"/> for some rows.</summary>
/// <param name="rows">The rows' integers.</param>
/// <param name="stride">From row to row.</param>
/// <param name="rowCount">How many.</param>
/// <param name="block">The block's integers.</param>
/// <param name="pairs">Pairs of inputs.</param>
/// <param name="sums">Takes 32 sums for each row.</param>
internal unsafe delegate void Int8Sums(short* rows, int stride, int rowCount, sbyte* block, int pairs, int* sums);

/// <summary>
/// Integer products by the instructions a processor has. All give the same sums: a weight is widened to 16 bits, where
/// the products of a pair fit 32 bits. The instructions that multiply bytes would save the widening, which costs
/// nothing beside reading the matrix, but <c>vpmaddubsw</c> saturates and takes inputs of eight bits only, and .NET
/// has <c>vpdpbusd</c> for processors with AVX-VNNI alone. Memory is asked for ahead: between two blocks the processor
/// would wait for it.
/// </summary>
internal static unsafe class Int8Kernel
{
    /// <summary>How far ahead of what is multiplied memory is asked for: about as long as it takes to answer.</summary>
    private const int AheadBytes = 2048;

    /// <summary>The fastest that works here.</summary>
    public static Int8Sums Best { get; } = Supported()[0].Sums;

    /// <summary>All that work here, the fastest first.</summary>
    public static IReadOnlyList<(string Name, Int8Sums Sums)> Supported()
    {
        var found = new List<(string, Int8Sums)>();
        if (Avx512BW.IsSupported)
            found.Add(("AVX-512BW", BySixteen));
        if (Avx2.IsSupported)
            found.Add(("AVX2", ByEight));
        found.Add(("portable", ByFour));
        return found;
    }

    private static void BySixteen(short* rows, int stride, int rowCount, sbyte* block, int pairs, int* sums)
    {
        var row = 0;
        for (; row + 8 <= rowCount; row += 8)
            EightBySixteen(rows + (row * stride), stride, block, pairs, sums + (row * Int8Weights.BlockOutputs));
        for (; row + 4 <= rowCount; row += 4)
            FourBySixteen(rows + (row * stride), stride, block, pairs, sums + (row * Int8Weights.BlockOutputs));
        for (; row < rowCount; row++)
            OneBySixteen(rows + (row * stride), block, pairs, sums + (row * Int8Weights.BlockOutputs));
    }

    private static void OneBySixteen(short* row, sbyte* block, int pairs, int* sums)
    {
        Vector512<int> a = default, b = default;
        for (var pair = 0; pair < pairs; pair++, block += Int8Weights.PairBytes)
        {
            var x = Vector512.Create(((int*)row)[pair]).AsInt16();
            a += Avx512BW.MultiplyAddAdjacent(Widened(block), x);
            b += Avx512BW.MultiplyAddAdjacent(Widened(block + 32), x);
        }

        a.Store(sums);
        b.Store(sums + 16);

        static Vector512<short> Widened(sbyte* from) => Avx512BW.ConvertToVector512Int16(Vector256.Load(from));
    }

    /// <summary>Every weight is widened once for eight rows.</summary>
    private static void EightBySixteen(short* rows, int stride, sbyte* block, int pairs, int* sums)
    {
        Vector512<int> a0 = default, a1 = default, a2 = default, a3 = default;
        Vector512<int> a4 = default, a5 = default, a6 = default, a7 = default;
        Vector512<int> b0 = default, b1 = default, b2 = default, b3 = default;
        Vector512<int> b4 = default, b5 = default, b6 = default, b7 = default;
        var x0 = (int*)rows;
        var step = stride / 2;
        var x4 = x0 + (4 * step);
        for (var pair = 0; pair < pairs; pair++, x0++, x4++, block += Int8Weights.PairBytes)
        {
            Sse.Prefetch1(block + AheadBytes);
            var a = Avx512BW.ConvertToVector512Int16(Vector256.Load(block));
            var b = Avx512BW.ConvertToVector512Int16(Vector256.Load(block + 32));
            var x = Vector512.Create(x0[0]).AsInt16();
            a0 += Avx512BW.MultiplyAddAdjacent(a, x);
            b0 += Avx512BW.MultiplyAddAdjacent(b, x);
            x = Vector512.Create(x0[step]).AsInt16();
            a1 += Avx512BW.MultiplyAddAdjacent(a, x);
            b1 += Avx512BW.MultiplyAddAdjacent(b, x);
            x = Vector512.Create(x0[2 * step]).AsInt16();
            a2 += Avx512BW.MultiplyAddAdjacent(a, x);
            b2 += Avx512BW.MultiplyAddAdjacent(b, x);
            x = Vector512.Create(x0[3 * step]).AsInt16();
            a3 += Avx512BW.MultiplyAddAdjacent(a, x);
            b3 += Avx512BW.MultiplyAddAdjacent(b, x);
            x = Vector512.Create(x4[0]).AsInt16();
            a4 += Avx512BW.MultiplyAddAdjacent(a, x);
            b4 += Avx512BW.MultiplyAddAdjacent(b, x);
            x = Vector512.Create(x4[step]).AsInt16();
            a5 += Avx512BW.MultiplyAddAdjacent(a, x);
            b5 += Avx512BW.MultiplyAddAdjacent(b, x);
            x = Vector512.Create(x4[2 * step]).AsInt16();
            a6 += Avx512BW.MultiplyAddAdjacent(a, x);
            b6 += Avx512BW.MultiplyAddAdjacent(b, x);
            x = Vector512.Create(x4[3 * step]).AsInt16();
            a7 += Avx512BW.MultiplyAddAdjacent(a, x);
            b7 += Avx512BW.MultiplyAddAdjacent(b, x);
        }

        a0.Store(sums);
        b0.Store(sums + 16);
        a1.Store(sums + 32);
        b1.Store(sums + 48);
        a2.Store(sums + 64);
        b2.Store(sums + 80);
        a3.Store(sums + 96);
        b3.Store(sums + 112);
        a4.Store(sums + 128);
        b4.Store(sums + 144);
        a5.Store(sums + 160);
        b5.Store(sums + 176);
        a6.Store(sums + 192);
        b6.Store(sums + 208);
        a7.Store(sums + 224);
        b7.Store(sums + 240);
    }

    private static void FourBySixteen(short* rows, int stride, sbyte* block, int pairs, int* sums)
    {
        Vector512<int> a0 = default, a1 = default, a2 = default, a3 = default;
        Vector512<int> b0 = default, b1 = default, b2 = default, b3 = default;
        var x0 = (int*)rows;
        var x1 = (int*)(rows + stride);
        var x2 = (int*)(rows + (2 * stride));
        var x3 = (int*)(rows + (3 * stride));
        for (var pair = 0; pair < pairs; pair++, block += Int8Weights.PairBytes)
        {
            var a = Avx512BW.ConvertToVector512Int16(Vector256.Load(block));
            var b = Avx512BW.ConvertToVector512Int16(Vector256.Load(block + 32));
            var x = Vector512.Create(x0[pair]).AsInt16();
            a0 += Avx512BW.MultiplyAddAdjacent(a, x);
            b0 += Avx512BW.MultiplyAddAdjacent(b, x);
            x = Vector512.Create(x1[pair]).AsInt16();
            a1 += Avx512BW.MultiplyAddAdjacent(a, x);
            b1 += Avx512BW.MultiplyAddAdjacent(b, x);
            x = Vector512.Create(x2[pair]).AsInt16();
            a2 += Avx512BW.MultiplyAddAdjacent(a, x);
            b2 += Avx512BW.MultiplyAddAdjacent(b, x);
            x = Vector512.Create(x3[pair]).AsInt16();
            a3 += Avx512BW.MultiplyAddAdjacent(a, x);
            b3 += Avx512BW.MultiplyAddAdjacent(b, x);
        }

        a0.Store(sums);
        b0.Store(sums + 16);
        a1.Store(sums + 32);
        b1.Store(sums + 48);
        a2.Store(sums + 64);
        b2.Store(sums + 80);
        a3.Store(sums + 96);
        b3.Store(sums + 112);
    }

    private static void ByEight(short* rows, int stride, int rowCount, sbyte* block, int pairs, int* sums)
    {
        var row = 0;
        for (; row + 2 <= rowCount; row += 2)
            TwoByEight(rows + (row * stride), stride, block, pairs, sums + (row * Int8Weights.BlockOutputs));
        if (row < rowCount)
            OneByEight(rows + (row * stride), block, pairs, sums + (row * Int8Weights.BlockOutputs));
    }

    private static void OneByEight(short* row, sbyte* block, int pairs, int* sums)
    {
        Vector256<int> a = default, b = default, c = default, d = default;
        for (var pair = 0; pair < pairs; pair++, block += Int8Weights.PairBytes)
        {
            var x = Vector256.Create(((int*)row)[pair]).AsInt16();
            a += Avx2.MultiplyAddAdjacent(Widened(block), x);
            b += Avx2.MultiplyAddAdjacent(Widened(block + 16), x);
            c += Avx2.MultiplyAddAdjacent(Widened(block + 32), x);
            d += Avx2.MultiplyAddAdjacent(Widened(block + 48), x);
        }

        Store(a, b, c, d, sums);
    }

    private static void TwoByEight(short* rows, int stride, sbyte* block, int pairs, int* sums)
    {
        Vector256<int> a0 = default, b0 = default, c0 = default, d0 = default;
        Vector256<int> a1 = default, b1 = default, c1 = default, d1 = default;
        var x0 = (int*)rows;
        var x1 = (int*)(rows + stride);
        for (var pair = 0; pair < pairs; pair++, block += Int8Weights.PairBytes)
        {
            var (x, z) = (Vector256.Create(x0[pair]).AsInt16(), Vector256.Create(x1[pair]).AsInt16());
            var w = Widened(block);
            a0 += Avx2.MultiplyAddAdjacent(w, x);
            a1 += Avx2.MultiplyAddAdjacent(w, z);
            w = Widened(block + 16);
            b0 += Avx2.MultiplyAddAdjacent(w, x);
            b1 += Avx2.MultiplyAddAdjacent(w, z);
            w = Widened(block + 32);
            c0 += Avx2.MultiplyAddAdjacent(w, x);
            c1 += Avx2.MultiplyAddAdjacent(w, z);
            w = Widened(block + 48);
            d0 += Avx2.MultiplyAddAdjacent(w, x);
            d1 += Avx2.MultiplyAddAdjacent(w, z);
        }

        Store(a0, b0, c0, d0, sums);
        Store(a1, b1, c1, d1, sums + Int8Weights.BlockOutputs);
    }

    private static Vector256<short> Widened(sbyte* from) => Avx2.ConvertToVector256Int16(Vector128.Load(from));

    private static void Store(
        Vector256<int> a, Vector256<int> b, Vector256<int> c, Vector256<int> d, int* sums)
    {
        a.Store(sums);
        b.Store(sums + 8);
        c.Store(sums + 16);
        d.Store(sums + 24);
    }

    /// <summary>By what every processor has: each half of a pair on its own.</summary>
    private static void ByFour(short* rows, int stride, int rowCount, sbyte* block, int pairs, int* sums)
    {
        for (var row = 0; row < rowCount; row++, rows += stride, sums += Int8Weights.BlockOutputs)
        {
            for (var output = 0; output < Int8Weights.BlockOutputs; output += 8)
                FourTwice(rows, block + (2 * output), pairs, sums + output);
        }
    }

    private static void FourTwice(short* row, sbyte* block, int pairs, int* sums)
    {
        Vector128<int> lower = default, upper = default;
        for (var pair = 0; pair < pairs; pair++, block += Int8Weights.PairBytes)
        {
            var (even, odd) = (Vector128.Create((int)row[2 * pair]), Vector128.Create((int)row[(2 * pair) + 1]));
            var (first, second) = Vector128.Widen(Vector128.Load(block));
            lower += ((first.AsInt32() << 16 >> 16) * even) + ((first.AsInt32() >> 16) * odd);
            upper += ((second.AsInt32() << 16 >> 16) * even) + ((second.AsInt32() >> 16) * odd);
        }

        lower.Store(sums);
        upper.Store(sums + 4);
    }
}

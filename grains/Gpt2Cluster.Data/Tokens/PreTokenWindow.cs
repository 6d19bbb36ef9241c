using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// Finds where the pieces of <see cref="PreTokenScanner"/> begin in 64 bytes at once: bytes are classified in vectors,
/// a class is 64 bits, and the pattern is arithmetic on those. Bit i speaks of byte i.
/// </summary>
internal static class PreTokenWindow
{
    /// <summary>Bytes in a window.</summary>
    public const int Bytes = 64;

    /// <summary>
    /// The beginnings of pieces that nothing behind the window can change. None stands at the last byte, nor from the
    /// last byte before the first that is not ASCII on.
    /// </summary>
    /// <param name="text">The first of 64 bytes; a piece begins there.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Starts(ref byte text)
    {
        var low = Vector256.LoadUnsafe(ref text);
        var high = Vector256.LoadUnsafe(ref text, (nuint)Vector256<byte>.Count);
        var foreign = Bits(low, high);
        var known = BitOperations.TrailingZeroCount(foreign);
        if (known == 0)
            return 0;
        var letters = InRange(low | Vector256.Create((byte)0x20), high | Vector256.Create((byte)0x20), 'a', 26);
        var numbers = InRange(low, high, '0', 10);
        var blanks = Equal(low, high, ' ');
        var spaces = InRange(low, high, '\t', 5) | blanks;
        var others = ~(letters | numbers | spaces);

        // A run of one class begins a piece, and so does its blank, if one stands before it. Of a run of spaces the
        // last is a piece of its own, or belongs to what follows.
        var runs = (letters & ~(letters << 1)) | (numbers & ~(numbers << 1)) | (others & ~(others << 1));
        var starts = (runs & ~(blanks << 1)) | (spaces & ~(spaces << 1)) | (spaces & ~(spaces >> 1));
        var apostrophes = Equal(low, high, '\'') & ~(others << 1) & ~(blanks << 1);
        if (apostrophes != 0)
            starts = CutContractions(starts, apostrophes, low, high);

        // A start depends on what stands up to one byte behind it.
        return (starts | 1) & ((1UL << (known - 1)) - 1);
    }

    // 's, 't, 'm, 'd, 're, 've, 'll where a piece begins with the apostrophe: the letters go with it, and a new piece
    // begins behind them, even within a word.
    private static ulong CutContractions(ulong starts, ulong apostrophes, Vector256<byte> low, Vector256<byte> high)
    {
        var one = Equal(low, high, 's') | Equal(low, high, 't') | Equal(low, high, 'm') | Equal(low, high, 'd');
        var twoByE = (Equal(low, high, 'r') | Equal(low, high, 'v')) & (Equal(low, high, 'e') >> 1);
        var twoByL = Equal(low, high, 'l') & (Equal(low, high, 'l') >> 1);
        var short2 = apostrophes & (one >> 1);
        var short3 = apostrophes & ((twoByE | twoByL) >> 1);
        return (starts & ~((short2 | short3) << 1)) | (short2 << 2) | (short3 << 3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong InRange(Vector256<byte> low, Vector256<byte> high, char first, byte count) => Bits(
        Vector256.LessThan(low - Vector256.Create((byte)first), Vector256.Create(count)),
        Vector256.LessThan(high - Vector256.Create((byte)first), Vector256.Create(count)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Equal(Vector256<byte> low, Vector256<byte> high, char value) => Bits(
        Vector256.Equals(low, Vector256.Create((byte)value)), Vector256.Equals(high, Vector256.Create((byte)value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Bits(Vector256<byte> low, Vector256<byte> high) =>
        low.ExtractMostSignificantBits() | ((ulong)high.ExtractMostSignificantBits() << 32);
}

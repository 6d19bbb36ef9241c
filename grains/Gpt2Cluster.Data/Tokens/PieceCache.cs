using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// The tokens of short pieces that were seen before: 16 bytes of key and 16 of tokens an entry, two entries a bucket,
/// one bucket a cache line. A new piece takes the second place of its bucket; one that is found there takes the first,
/// so that words that come once do not drive out those that come often. Constant memory; one thread at a time.
/// </summary>
internal sealed class PieceCache
{
    /// <summary>Most bytes of a piece; the key's last byte holds the length.</summary>
    public const int LongestPieceBytes = 15;

    /// <summary>Most tokens of a piece; the eighth place holds their count.</summary>
    public const int MostTokens = 7;

    /// <summary>Places that <see cref="TryCopy"/> writes, whatever the count.</summary>
    public const int WrittenTokens = 8;

    private const int BucketBits = 16;
    private const int BucketBytes = 64;
    private const ulong LowMultiplier = 0x9E3779B97F4A7C15;
    private const ulong HighMultiplier = 0xC2B2AE3D27D4EB4F;

    private readonly byte[] storage = GC.AllocateArray<byte>((BucketBytes << BucketBits) + BucketBytes, pinned: true);
    private readonly int alignment;

    public PieceCache()
    {
        var address = Marshal.UnsafeAddrOfPinnedArrayElement(storage, 0);
        alignment = (int)(-address & (BucketBytes - 1));
    }

    // Ones, then noughts: 16 bytes from place 16 - n on keep the first n bytes of a vector.
    private static ReadOnlySpan<byte> Masks =>
    [
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    /// <summary>The key of a piece of 1 to 15 bytes, which is read together with what lies behind it.</summary>
    /// <param name="piece">The first of 16 readable bytes.</param>
    /// <param name="length">Bytes of the piece.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Key(ref byte piece, int length)
    {
        var mask = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(Masks), (nuint)(16 - length));
        return (Vector128.LoadUnsafe(ref piece) & mask).WithElement(LongestPieceBytes, (byte)length);
    }

    /// <summary>The key of a piece of 1 to 15 bytes, wherever it lies.</summary>
    public static Vector128<byte> Key(ReadOnlySpan<byte> piece)
    {
        var bytes = (stackalloc byte[16]);
        piece.CopyTo(bytes);
        return Key(ref MemoryMarshal.GetReference(bytes), piece.Length);
    }

    /// <summary>Copies the tokens of a piece that is known.</summary>
    /// <param name="key">Which.</param>
    /// <param name="tokens">The first of eight places, of which those behind the tokens get anything.</param>
    /// <returns>Tokens of the piece; 0 when it is not known.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int TryCopy(Vector128<byte> key, ref ushort tokens)
    {
        ref var bucket = ref Bucket(key);
        if (Vector128.LoadUnsafe(ref bucket) != key)
            return TryCopySecond(key, ref bucket, ref tokens);
        var found = Vector128.LoadUnsafe(ref bucket, 16).AsUInt16();
        found.StoreUnsafe(ref tokens);
        return found.GetElement(MostTokens);
    }

    /// <summary>Remembers 1 to 7 tokens of a piece that is not known.</summary>
    public void Add(Vector128<byte> key, ReadOnlySpan<ushort> tokens)
    {
        var places = (stackalloc ushort[WrittenTokens]);
        tokens.CopyTo(places);
        places[MostTokens] = (ushort)tokens.Length;
        ref var bucket = ref Bucket(key);
        var place = Vector128.LoadUnsafe(ref bucket) == Vector128<byte>.Zero ? 0u : 32u;
        key.StoreUnsafe(ref bucket, place);
        MemoryMarshal.AsBytes(places).CopyTo(MemoryMarshal.CreateSpan(ref Unsafe.Add(ref bucket, place + 16), 16));
    }

    private static int TryCopySecond(Vector128<byte> key, ref byte bucket, ref ushort tokens)
    {
        if (Vector128.LoadUnsafe(ref bucket, 32) != key)
            return 0;
        var found = Vector128.LoadUnsafe(ref bucket, 48);
        Vector256.LoadUnsafe(ref bucket).StoreUnsafe(ref bucket, 32);
        key.StoreUnsafe(ref bucket);
        found.StoreUnsafe(ref bucket, 16);
        found.AsUInt16().StoreUnsafe(ref tokens);
        return found.AsUInt16().GetElement(MostTokens);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref byte Bucket(Vector128<byte> key)
    {
        var words = key.AsUInt64();
        var upper = BitOperations.RotateLeft(words.GetElement(1) * HighMultiplier, 32);
        var hash = (words.ToScalar() * LowMultiplier) ^ upper;
        var index = (hash * LowMultiplier) >> (64 - BucketBits);
        return ref Unsafe.Add(
            ref MemoryMarshal.GetArrayDataReference(storage), (nuint)alignment + ((nuint)index * BucketBytes));
    }
}

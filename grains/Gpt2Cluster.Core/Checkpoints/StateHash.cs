using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Gpt2Cluster.Core.Checkpoints;

/// <summary>
/// The hash of a replica's state: SHA-256 over the step (int64, little endian), the hash of the frozen parameters where
/// there are any, then the SHA-256 of each 4 MiB piece of the trained fp32 parameters, then of the first moments, then
/// of the second; zeros where the optimizer has none. The piece hashes tell which range is bad.
/// </summary>
public static class StateHash
{
    /// <summary>Elements of a piece: 4 MiB of fp32. The last piece of a part may be shorter.</summary>
    public const int PieceElements = 1 << 20;

    /// <summary>Bytes of a piece's hash.</summary>
    public const int PieceHashBytes = SHA256.HashSizeInBytes;

    /// <summary>How many pieces a part of so many elements has.</summary>
    public static int PieceCount(long elementCount) =>
        checked((int)((elementCount + PieceElements - 1) / PieceElements));

    /// <summary>How many elements piece <paramref name="index"/> has.</summary>
    public static int ElementsOfPiece(long elementCount, int index) =>
        (int)Math.Min(PieceElements, elementCount - ((long)index * PieceElements));

    /// <summary>The hash of one piece, 32 bytes.</summary>
    /// <param name="elements">All elements of the piece.</param>
    /// <param name="into">Takes the hash.</param>
    public static void HashPiece(ReadOnlySpan<float> elements, Span<byte> into)
    {
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("State hashes are defined over little-endian memory.");
        SHA256.HashData(MemoryMarshal.AsBytes(elements), into);
    }

    /// <summary>The hashes of the pieces of a part that is all zeros.</summary>
    public static byte[] ZeroPieces(long elementCount)
    {
        var hashes = new byte[PieceCount(elementCount) * PieceHashBytes];
        var zeros = new float[PieceElements];
        for (var index = 0; index < PieceCount(elementCount); index++)
        {
            HashPiece(
                zeros.AsSpan(0, ElementsOfPiece(elementCount, index)),
                hashes.AsSpan(index * PieceHashBytes, PieceHashBytes));
        }

        return hashes;
    }

    /// <summary>One hash of pieces' hashes, lower-case hexadecimal.</summary>
    public static string OfPieces(ReadOnlySpan<byte> pieces) => Convert.ToHexStringLower(SHA256.HashData(pieces));

    /// <summary>The state hash, lower-case hexadecimal.</summary>
    /// <param name="step">The step the replica stands at.</param>
    /// <param name="parameters">The piece hashes of the parameters, one behind the other.</param>
    /// <param name="firstMoments">Those of the first moments.</param>
    /// <param name="secondMoments">Those of the second moments.</param>
    /// <param name="frozenHash">That of the frozen parameters, hexadecimal; null where everything is trained.</param>
    /// <exception cref="FormatException">The hash of the frozen parameters is none.</exception>
    public static string Combine(
        long step,
        ReadOnlySpan<byte> parameters,
        ReadOnlySpan<byte> firstMoments,
        ReadOnlySpan<byte> secondMoments,
        string? frozenHash = null)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> stepBytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(stepBytes, step);
        hash.AppendData(stepBytes);
        if (frozenHash is not null)
            hash.AppendData(Convert.FromHexString(frozenHash));
        hash.AppendData(parameters);
        hash.AppendData(firstMoments);
        hash.AppendData(secondMoments);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}

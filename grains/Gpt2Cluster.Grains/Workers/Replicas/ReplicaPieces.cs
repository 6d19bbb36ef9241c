using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Grains.Workers.Replicas;

/// <summary>The piece hashes of a replica as it is now. Used on the compute thread.</summary>
internal static class ReplicaPieces
{
    /// <summary>The hashes of some of a part's pieces, one behind the other.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are no such pieces.</exception>
    public static byte[] Of(IReplicaState replica, ReplicaPart part, int firstPiece, int count)
    {
        var length = replica.Length;
        var elements = new float[Math.Min(StateHash.PieceElements, length)];
        ArgumentOutOfRangeException.ThrowIfNegative(firstPiece);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstPiece, StateHash.PieceCount(length) - count);
        var hashes = new byte[count * StateHash.PieceHashBytes];
        for (var index = 0; index < count; index++)
        {
            var piece = elements.AsSpan(0, StateHash.ElementsOfPiece(length, firstPiece + index));
            replica.Read(part, (long)(firstPiece + index) * StateHash.PieceElements, piece);
            StateHash.HashPiece(piece, hashes.AsSpan(index * StateHash.PieceHashBytes, StateHash.PieceHashBytes));
        }

        return hashes;
    }
}

using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>The piece hashes of a replica as it is now. Used on the compute thread.</summary>
internal static class ReplicaPieces
{
    /// <summary>The hashes of a part's pieces, one behind the other.</summary>
    public static byte[] Of(IReplica replica, ReplicaPart part)
    {
        var (length, elements) = (replica.Layout.Length, new float[StateHash.PieceElements]);
        var hashes = new byte[StateHash.PieceCount(length) * StateHash.PieceHashBytes];
        for (var index = 0; index < StateHash.PieceCount(length); index++)
        {
            var piece = elements.AsSpan(0, StateHash.ElementsOfPiece(length, index));
            replica.Read(part, (long)index * StateHash.PieceElements, piece);
            StateHash.HashPiece(piece, hashes.AsSpan(index * StateHash.PieceHashBytes, StateHash.PieceHashBytes));
        }

        return hashes;
    }
}
